"""Every venue the desk can trade at: its name, its rules, and how an account of it is made.

A new venue is one entry here, beside its own folder and its simulator. Adapters are imported when an account
asks for one: a paper desk on a small machine loads none of them.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from msgspec import Struct

from kedge.model.sentences import nearest
from kedge.venues.venue import Clock, Setup, Venue
from kedge.venues.wires import Wires

Make = Callable[[Setup, Wires, Clock], Venue]

CCXT = "ccxt-"


class Entry(Struct, frozen=True):
    """`maker` and `rules` are module:name; nothing is imported before it is needed."""

    name: str
    says: str
    maker: str
    rules: str

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
    )
}


def find(name: str) -> Entry | str:
    """The venue of this name, or the sentence that says which there are."""
    entry = VENUES.get(name)
    if entry is not None:
        return entry
    if name.startswith(CCXT):
        return Entry(
            name, "Through ccxt.", "kedge.venues.ccxt.client:CcxtVenue", "kedge.venues.ccxt.rules:CCXT_RULES"
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
