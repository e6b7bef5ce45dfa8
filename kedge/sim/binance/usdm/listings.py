"""What `exchangeInfo` says of a futures contract beyond what the exchange itself must know of it.

`pricePrecision` and `quantityPrecision` are not the tick and the step, as on the venue: a price of 60000.05
is precise enough for BTCUSDT and still no multiple of its tick.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.model.numbers import ONE
from kedge.sim.exchange import Terms
from kedge.sim.testnet.listings import Listed


class _Lister(Protocol):
    def listed(self) -> tuple[Listed, ...]: ...


MS = 1_000_000
FOREVER_MS = 4_133_404_800_000
ONBOARD_MS = 1_569_398_400_000
INTEREST = Decimal("0.0001")
SETTLE = "USDT"


class Bracket(Struct, frozen=True):
    """Up to `cap` of notional a position may have this leverage."""

    number: int
    leverage: int
    floor: int
    cap: int


# (leverage, cap in thousands)
_LADDER: tuple[tuple[int, int], ...] = (
    *((125, 300), (100, 800), (75, 3_000), (50, 12_000), (25, 70_000), (20, 100_000)),
    *((10, 230_000), (5, 480_000), (4, 600_000), (3, 800_000), (2, 1_200_000), (1, 1_800_000)),
)


class Contract(Struct, frozen=True):
    """One symbol. `instrument` has the exchange's own name of it, and is as it was listed."""

    symbol: str
    pair: str
    contract_type: str
    terms: Terms
    price_precision: int
    qty_precision: int
    min_price: Decimal
    max_price: Decimal
    market_max_qty: Decimal
    brackets: tuple[Bracket, ...]
    multiplier_up: Decimal = Decimal("1.0500")
    multiplier_down: Decimal = Decimal("0.9500")
    trigger_protect: Decimal = Decimal("0.0500")
    orders_max: int = 200
    algos_max: int = 200

    @property
    def instrument(self) -> Instrument:
        return self.terms.instrument

    @property
    def inner(self) -> str:
        """What the exchange calls it."""
        return self.terms.instrument.symbol

    @property
    def leverage_max(self) -> int:
        return self.brackets[0].leverage

    @property
    def delivery_ms(self) -> int:
        return self.instrument.expires_ns // MS or FOREVER_MS

    def cap_at(self, leverage: Decimal) -> int:
        """The largest position at this leverage."""
        return max(bracket.cap for bracket in self.brackets if bracket.leverage >= leverage)


def contract_of(listed: Listed) -> Contract:
    instrument = listed.instrument
    tick, step = _places(instrument.tick), _places(instrument.qty_step)
    return Contract(
        listed.name,
        f"{instrument.base}{instrument.quote}",
        "CURRENT_QUARTER" if listed.contract == "quarter" else "PERPETUAL",
        listed.terms,
        # One digit more than the tick: precise enough is not yet on the tick.
        price_precision=tick + 1,
        qty_precision=step + 1 if instrument.qty_step != ONE.scaleb(-step) else step,
        min_price=instrument.tick * 10,
        max_price=instrument.tick * 50_000_000,
        market_max_qty=listed.market_max_qty or instrument.max_qty,
        brackets=_brackets(int(listed.terms.leverage_max), 1000 if instrument.base == "BTC" else 500),
    )


def _brackets(leverage_max: int, thousand: int) -> tuple[Bracket, ...]:
    """The ladder from this leverage down; smaller coins have smaller rungs."""
    found: list[Bracket] = []
    floor = 0
    for leverage, cap in _LADDER:
        if leverage <= leverage_max:
            found.append(Bracket(len(found) + 1, leverage, floor, cap * thousand))
            floor = cap * thousand
    return tuple(found)


def _places(step: Decimal) -> int:
    """The digits after the point that a step has."""
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(-exponent, 0)


# ── how numbers look on the wire ────────────────────────────────────────────────────────────────


def fixed(value: Decimal, places: int) -> str:
    """At least so many digits after the point, and never fewer than the number has."""
    shown = f"{value:f}"
    whole, point, rest = shown.partition(".")
    rest = rest.rstrip("0") if point else ""
    return f"{whole}.{rest.ljust(places, '0')}" if rest or places else whole


def money(value: Decimal) -> str:
    """Eight places, more where there are more: what is said adds up to what is owned."""
    return fixed(value, 8)


def rounded(value: Decimal, places: int) -> str:
    """For averages, which have no end."""
    return fixed(value.quantize(ONE.scaleb(-places)), places)


class Listings:
    """The contracts by name, those that are listed later included; and how their numbers are written."""

    def __init__(self, house: _Lister) -> None:
        self._house = house
        self._contracts: dict[str, Contract] = {}
        self._seen = 0

    @property
    def all(self) -> dict[str, Contract]:
        listed = self._house.listed()
        if len(listed) != self._seen:
            self._seen = len(listed)
            for one in listed:
                if one.category == "usdm" and one.name not in self._contracts:
                    self._contracts[one.name] = contract_of(one)
        return self._contracts

    def __getitem__(self, symbol: str) -> Contract:
        return self.all[symbol]

    def get(self, symbol: str) -> Contract | None:
        return self.all.get(symbol)

    def price(self, symbol: str, value: Decimal) -> str:
        return fixed(value, self.all[symbol].price_precision) if value else "0"

    def qty(self, symbol: str, value: Decimal) -> str:
        return fixed(value, self.all[symbol].qty_precision)
