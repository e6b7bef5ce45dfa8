"""What a home contains before anybody has written anything into it: three bots at work on paper."""

from __future__ import annotations

from pathlib import Path

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
qty = 2

[pair-1]                        # works one leg passively and evens it out on the other from its fills
kind = "pair"
far = "paper/main:BTC-INV"
near = "paper/main:BTC-PERP"
side = "buy"
qty = 6000
ratio = 0.00001667
"""


def write_first_bots(path: Path) -> None:
    """Give a new home its first bots; an existing file is never touched."""
    if not path.exists():
        path.write_text(FIRST_BOTS)
        path.chmod(0o600)
