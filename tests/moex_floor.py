"""An engine that trades at an exchange of shares and futures, and beside it a paper account.

`floor()` is a `Trial` with what a trader of the Moscow Exchange has: shares in lots, one that cannot be sold
short, one that is no longer listed, one on two boards, a bond, two futures on a share. SBER is also listed on
the paper account where a test wants an ambiguity.
"""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from builders import START, Trial
from msgspec.structs import replace

from kedge.model.instrument import Instrument, Session
from kedge.model.venue import Rules

MOEX, PAPER = "tinvest/main", "paper/main"
RULES = Rules(venue="paper", as_of="tests", takes=True, ends="all")


def share(symbol: str, lot: int = 10, **more: Any) -> Instrument:
    settings: dict[str, Any] = {
        "kind": "spot",
        "base": symbol,
        "quote": "RUB",
        "settle": "RUB",
        "tick": D("0.01"),
        "qty_step": D(lot),
        "min_qty": D(lot),
        "lot": D(lot),
        "sector": "share",
    }
    return Instrument(symbol=symbol, **{**settings, **more})


def future(symbol: str, **more: Any) -> Instrument:
    settings: dict[str, Any] = {
        "kind": "points",
        "base": symbol,
        "quote": "pt",
        "settle": "RUB",
        "tick": D(1),
        "tick_value": D(1),
        "qty_step": D(1),
        "min_qty": D(1),
        "sector": "future",
        "asset": "SBER",
        "asset_size": D(100),
    }
    return Instrument(symbol=symbol, **{**settings, **more})


LISTED = (
    share("SBER"),
    share("GAZP", can_short=False),
    share("VTBR", lot=10_000, can_buy=False),
    share("AFKS@TQBR", lot=100),
    share("AFKS@SPEQ", lot=100),
    share("LKOH", lot=1),
    replace(share("YNDX", lot=1), listed=False),
    share("SU26238RMFS4", lot=1, kind="bond", nominal=D(1000), sector="bond"),
    future("SRZ6"),
    future("SRH7"),
)


def floor(
    *,
    paper: tuple[Instrument, ...] = (),
    sessions: tuple[Session, ...] | None = None,
    now_ns: int = START,
) -> Trial:
    """Connected, with books around 250 everywhere; futures around 25000."""
    listed = tuple(replace(one, sessions=sessions) if sessions is not None else one for one in LISTED)
    t = Trial(accounts=(MOEX, PAPER) if paper else (MOEX,), rules=RULES, connect=False, now_ns=now_ns)
    t.instruments[MOEX] = listed
    if paper:
        t.instruments[PAPER] = paper
    for name in t.rules:
        t.connect(name, bid=250)
    for symbol in ("SRZ6", "SRH7"):
        t.book(25_000, market=f"{MOEX}:{symbol}")
    return t
