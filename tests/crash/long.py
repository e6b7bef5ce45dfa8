"""Kill the desk and its exchanges again and again: `python -m tests.crash.long --kills 500`.

Says what was found, and in its last line the same as JSON. Ends with 1 when anything was broken; the homes of
broken runs are kept for whoever looks into them.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

import msgspec

from tests.crash.campaign import WIRE_SHARES, Campaign, Shares, Summary
from tests.crash.scene import PAPER
from tests.crash.wire_scene import WIRE


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500, help="how many blows must fall")
    parser.add_argument("--seed", type=int, default=1, help="another seed strikes elsewhere")
    parser.add_argument("--sites", type=int, default=2, help="runs side by side; each has two exchanges")
    parser.add_argument("--wire", action="store_true", help="at Bybit's and Binance's testnets, not paper")
    given = parser.parse_args()
    # A short name: the desk's socket lives below it.
    folder = Path(tempfile.mkdtemp(prefix="kl-"))
    scene, shares = (WIRE, WIRE_SHARES) if given.wire else (PAPER, Shares())
    campaign = Campaign(folder, sites=given.sites, seed=given.seed, shares=shares, scene=scene)
    summary = asyncio.run(campaign.run(given.kills, say=True))
    print(tell(summary))
    if summary.broken:
        print(f"homes of broken runs are below {folder}")
    else:
        shutil.rmtree(folder)
    print(msgspec.json.encode(summary).decode())
    return 1 if summary.broken else 0


def tell(summary: Summary) -> str:
    one = summary
    lines = [
        f"{one.kills} kills in {one.runs} runs ({one.lives} lives, {one.seconds:.0f} s,"
        f" {one.run_seconds_median:.2f} s each at the median)",
        f"  of the desk {one.kills_of_desk} (power cuts {one.power_cuts}, during a recovery"
        f" {one.second_kills}); of exchanges {one.kills_of_exchanges}",
        f"  planned boundaries that a life did not reach: {one.not_reached}",
        f"  boundaries: {one.desk_struck} of {one.desk_boundaries} in the loop,"
        f" {one.disk_struck} of {one.disk_boundaries} on the disk",
        "  struck: " + ", ".join(f"{what} {times}" for what, times in sorted(one.struck.items())),
        "  checked: " + ", ".join(f"{what} {times}" for what, times in sorted(one.checked.items())),
        f"  broken: {len(one.broken)}",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
