"""Pictures of the desk for the pages of docs: `make screenshots`, for longer with `ARGS="--minutes 10"`.

Runs `kedge up` in a folder that is thrown away, gives it some bots, lets the paper market move for a few
minutes, and takes each page as a person would have it: wide or on a phone, light or dark.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from msgspec import Struct

ROOT = Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
LARGEST = 300_000

sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "tests" / "browser")]

from browsing import NARROW, WIDE, Visitor, a_browser  # noqa: E402
from desks import OWNER, RunningDesk, an_own_kind, running  # noqa: E402
from playwright.sync_api import expect  # noqa: E402


class Shot(Struct, frozen=True):
    name: str
    where: str
    narrow: bool = False
    dark: bool = False


SHOTS = (
    Shot("overview-wide-light", "/"),
    Shot("overview-wide-dark", "/", dark=True),
    Shot("overview-narrow-dark", "/", narrow=True, dark=True),
    Shot("bot-wide-dark", "/bots/ladder-1/", dark=True),
    Shot("bot-narrow-light", "/bots/ladder-1/", narrow=True),
    Shot("orders-wide-light", "/orders/"),
    Shot("new-bot-wide-light", "/bots/new/pair/"),
)

BTC, ETH = "paper/main:BTC-PERP", "paper/main:ETH-PERP"
# The bot of the how-to page, spread about the market so that it trades both ways.
BOTS = (
    ("ladder-1", "my_module:Ladder", f"market={BTC}", "top=60010", "step=10", "qty=0.05", "steps=5"),
    ("ladder-eth", "my_module:Ladder", f"market={ETH}", "top=3001", "step=1", "qty=1", "steps=5"),
    ("hedge-2", "hedge", f"market={ETH}", "qty=20"),
    ("pair-2", "pair", "far=paper/main:BTC-25DEC26", f"near={BTC}", "side=sell", "qty=1.5"),
)


def main(argv: list[str]) -> int:
    asked = argparse.ArgumentParser(description="Take the pictures of docs/pictures.")
    asked.add_argument("--minutes", type=float, default=4, help="how long the desk trades first")
    asked.add_argument("--to", type=Path, default=PICTURES)
    given = asked.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="kedge-") as folder:
        home = Path(folder) / "h"
        an_own_kind(home)
        with running(home) as desk:
            until = time.monotonic() + given.minutes * 60
            for name, kind, *config in BOTS:
                desk.kedge("bot", "add", name, kind, *config)
            desk.kedge("schedule", "set", "audit-often", "account.audit", "15m", "account=paper/main")
            time.sleep(max(0.0, until - time.monotonic()))
            return taken(desk, given.to)


def taken(desk: RunningDesk, to: Path) -> int:
    to.mkdir(parents=True, exist_ok=True)
    too_large = 0
    with a_browser() as browser:
        first = Visitor(browser, desk)
        first.come_in_first(OWNER, desk.one_time_password())
        session = first.context.storage_state()
        for shot in SHOTS:
            visitor = Visitor(
                browser,
                desk,
                storage_state=session,
                viewport=NARROW if shot.narrow else WIDE,
                color_scheme="dark" if shot.dark else "light",
            )
            page = visitor.go(shot.where)
            expect(page.locator("#line")).to_have_class("line on")
            # Charts have no word that says they are drawn.
            page.wait_for_timeout(1500)
            visitor.still()
            file = to / f"{shot.name}.png"
            page.screenshot(path=file)
            too_large += file.stat().st_size > LARGEST
            print(f"{file.name}: {file.stat().st_size // 1000} kB")
            visitor.was_well()
            visitor.leave()
    return 1 if too_large else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
