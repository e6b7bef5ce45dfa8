"""Every venue the desk can trade at: its name, its rules, and how an account of it is made.

A new venue is one entry here, beside its own folder and its simulator. Adapters are imported when an account
asks for one: a paper desk on a small machine loads none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from msgspec import Struct

from kedge.model.sentences import nearest
from kedge.venues.venue import Clock, Setup, Venue

# By which seam an adapter reaches its venue: `wires.Wires`, or `calls.Calls`.
Seam = Literal["wires", "calls"]
# The second is what the seam says.
Make = Callable[[Setup, Any, Clock], Venue]

CCXT = "ccxt-"


class Entry(Struct, frozen=True):
    """`maker` and `rules` are module:name; nothing is imported before it is needed. `extra`: what of Kedge
    has to be installed for it, and by which module that is known."""

    name: str
    says: str
    maker: str
    rules: str
    seam: Seam = "wires"
    extra: tuple[str, str] = ("", "")

    @property
    def lacks(self) -> str:
        """The sentence that says what is not installed; "" when everything is."""
        extra, module = self.extra
        if not extra or find_spec(module) is not None:
            return ""
        return f"{self.name} needs {module}, which is not installed: pip install kedge[{extra}]"

    def make(self) -> Make:
        made: Make = _named(self.maker)
        return made


VENUES: dict[str, Entry] = {
    entry.name: entry
    for entry in (
        Entry(
            "bybit",
            "Bybit: linear, inverse and spot of one unified account.",
            "kedge.venues.bybit.client:BybitVenue",
            "kedge.venues.bybit.rules:BYBIT_RULES",
        ),
        Entry(
            "binance",
            "Binance spot.",
            "kedge.venues.binance.spot.client:BinanceSpotVenue",
            "kedge.venues.binance.spot.rules:BINANCE_SPOT_RULES",
        ),
        Entry(
            "binance-usdm",
            "Binance USDⓈ-M futures.",
            "kedge.venues.binance.usdm.client:BinanceUsdmVenue",
            "kedge.venues.binance.usdm.rules:BINANCE_USDM_RULES",
        ),
        Entry(
            "tinvest",
            "T-Invest: shares, funds, bonds, currencies and futures of the Moscow Exchange.",
            "kedge.venues.tinvest.client:TInvestVenue",
            "kedge.venues.tinvest.rules:TINVEST_RULES",
            seam="calls",
            extra=("tinvest", "grpc"),
        ),
    )
}


def find(name: str) -> Entry | str:
    """The venue of this name, or the sentence that says which there are."""
    entry = VENUES.get(name)
    if entry is not None:
        return entry
    if name.startswith(CCXT):
        return Entry(
            name,
            "Through ccxt.",
            "kedge.venues.ccxt.client:CcxtVenue",
            "kedge.venues.ccxt.rules:CCXT_RULES",
            extra=("ccxt", "ccxt"),
        )
    known = ", ".join(["paper", *VENUES, f"{CCXT}<exchange>"])
    meant = nearest(name, ["paper", *VENUES])
    return (
        f"there is no venue {name!r}" + (f"; did you mean {meant}?" if meant else "") + f" There are: {known}"
    )


def rules_of(entry: Entry) -> object:
    return _named(entry.rules)


def _named(path: str):  # type: ignore[no-untyped-def]
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)
