"""What a home contains before anybody has written anything into it: three bots at work on paper."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from kedge.model.instrument import Instrument

FIRST_BOTS = """\
# The bots of this desk: one section each. Change it, then run `kedge reload`: new sections are added,
# changed ones amended, removed ones stopped and removed. `kedge bot kinds` describes every parameter.

[hedge-1]                       # opens a short on the perpetual; `kedge bot close hedge-1` closes it
kind = "hedge"
market = "paper/main:BTC-PERP"
side = "sell"
qty = 0.05
through = 1

[peg-1]                         # buys, joining the best bid and following it
kind = "peg"
market = "paper/main:ETH-PERP"
side = "buy"
qty = 60

[pair-1]                        # sells the dated future passively, buys the perpetual for what filled
kind = "pair"
far = "paper/main:{future}"
near = "paper/main:BTC-PERP"
side = "sell"
qty = 0.8
"""


def write_first_bots(path: Path, instruments: Iterable[Instrument]) -> None:
    """Give a new home its first bots; an existing file is never touched."""
    future = next((i.symbol for i in instruments if i.expires_ns and i.kind == "linear"), "BTC-INV")
    if not path.exists():
        path.write_text(FIRST_BOTS.replace("{future}", future))
        path.chmod(0o600)
