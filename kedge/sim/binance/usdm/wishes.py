"""An order as it is asked for: its parameters read, checked for shape, and held against the filters. Pure.

The order of the complaints is the venue's: what is missing or malformed, what does not fit together, the
filters; money and the matching engine come last and elsewhere.
"""

from __future__ import annotations

import re
from decimal import Decimal

from msgspec import Struct

from kedge.model.numbers import BadNumber, exact
from kedge.model.order import Side
from kedge.sim.binance.common import Refused
from kedge.sim.binance.usdm.codes import invalid, malformed, no, unsent, unwanted
from kedge.sim.binance.usdm.facts import AccountFact, PositionSide
from kedge.sim.binance.usdm.listings import MS, Contract, Listings
from kedge.sim.binance.usdm.names import Named
from kedge.sim.exchange.nouns import SelfTrade

CLIENT_ID = re.compile(r"[\.A-Z\:/a-z0-9_-]{1,36}")
NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,20})?")
INTEGER = re.compile(r"-?[0-9]{1,19}")

TYPES = ("LIMIT", "MARKET")
CONDITIONAL = ("STOP", "STOP_MARKET", "TAKE_PROFIT", "TAKE_PROFIT_MARKET", "TRAILING_STOP_MARKET")
TIFS = ("GTC", "IOC", "FOK", "GTX", "GTD")
MATCHES = tuple(f"{side}{depth}" for side in ("OPPONENT", "QUEUE") for depth in ("", "_5", "_10", "_20"))
WORKING = ("CONTRACT_PRICE", "MARK_PRICE")
SELF_TRADE: dict[str, SelfTrade] = {
    "NONE": "none",
    "EXPIRE_TAKER": "cancel_newest",
    "EXPIRE_MAKER": "cancel_oldest",
    "EXPIRE_BOTH": "cancel_both",
}
GOOD_TILL_LEAST_MS = 600_000
GOOD_TILL_MOST_MS = 253_402_300_799_000


class Wish(Struct, frozen=True):
    """What plain and conditional orders have in common; `price` None: at the market, or by `match`."""

    contract: Contract
    side: Side
    kind: str
    tif: str
    qty: Decimal | None
    price: Decimal | None
    position_side: PositionSide
    reduce_only: bool
    close_position: bool
    match: str
    self_trade: str
    good_till_ms: int
    client_id: str
    response: str

    @property
    def symbol(self) -> str:
        return self.contract.symbol

    @property
    def priced(self) -> bool:
        return self.kind in ("LIMIT", "STOP", "TAKE_PROFIT")


# ── single parameters ───────────────────────────────────────────────────────────────────────────


def contract_in(params: Named, listings: Listings) -> Contract:
    contract = listings.get(params.need("symbol"))
    if contract is None:
        raise no(-1121)
    return contract


def number_in(params: Named, name: str) -> Decimal | None:
    """None where it was not sent."""
    if not params.has(name):
        return None
    value = params.raw(name)
    if not NUMBER.fullmatch(value):
        raise malformed(name)
    try:
        return exact(value)
    except BadNumber:
        raise malformed(name) from None


def integer_in(params: Named, name: str) -> int | None:
    if not params.raw(name):
        return None
    value = params.raw(name)
    if not INTEGER.fullmatch(value):
        raise malformed(name)
    return int(value)


def side_in(params: Named) -> Side:
    side = params.need("side")
    if side not in ("BUY", "SELL"):
        raise no(-1117)
    return "buy" if side == "BUY" else "sell"


def position_side_in(params: Named, settings: AccountFact) -> PositionSide:
    """BOTH in one-way mode, a leg in hedge mode."""
    name = params.text("positionSide", "BOTH")
    if name not in ("BOTH", "LONG", "SHORT"):
        raise no(-4060)
    if (name != "BOTH") != settings.dual:
        raise no(-4061)
    return "LONG" if name == "LONG" else "SHORT" if name == "SHORT" else "BOTH"


def client_id_in(params: Named, name: str) -> str:
    value = params.text(name)
    if value and not CLIENT_ID.fullmatch(value):
        if len(value) > 36:
            raise Refused(-4015, "Client order id length should be less than 36 chars")
        raise no(-4015)
    return value


def either_id(params: Named, number: str, text: str) -> tuple[int | None, str]:
    """(number, client id) of something that exists; one of the two must be given, the number prevails."""
    found, name = integer_in(params, number), params.text(text)
    if found is None and not name:
        raise unsent(text, number)
    return found, name


# ── whole orders ────────────────────────────────────────────────────────────────────────────────


def read_order(params: Named, listings: Listings, settings: AccountFact, now_ns: int) -> Wish:
    """The parameters of POST /fapi/v1/order."""
    contract, side = contract_in(params, listings), side_in(params)
    kind = params.need("type")
    if kind in CONDITIONAL:
        raise no(-4120)
    if kind not in TYPES:
        raise no(-1116)
    if params.flag("closePosition"):
        raise no(-4136, kind=kind)
    wish = _read(params, contract, side, kind, settings, now_ns)
    if kind == "MARKET":
        if params.has("timeInForce"):
            raise unwanted("timeInForce")
        if wish.price is not None:
            raise unwanted("price")
    elif not params.has("timeInForce"):
        raise malformed("timeInForce")
    if wish.qty is None:
        raise malformed("quantity")
    return wish


def read_conditional(params: Named, listings: Listings, settings: AccountFact, now_ns: int) -> Wish:
    """What a conditional order will be when it is triggered."""
    if params.need("algoType") != "CONDITIONAL":
        raise invalid("algoType")
    contract, side = contract_in(params, listings), side_in(params)
    kind = params.need("type")
    if kind not in CONDITIONAL:
        raise no(-1116)
    wish = _read(params, contract, side, kind, settings, now_ns)
    if wish.close_position:
        if kind not in ("STOP_MARKET", "TAKE_PROFIT_MARKET"):
            raise no(-4136, kind=kind)
        if wish.qty is not None:
            raise no(-4137)
        if params.has("reduceOnly") and wish.reduce_only:
            raise unwanted("reduceOnly")
        if (wish.position_side, side) in (("LONG", "buy"), ("SHORT", "sell")):
            raise no(-4061)
    elif wish.qty is None:
        raise malformed("quantity")
    if not wish.priced and wish.price is not None:
        raise unwanted("price")
    return wish


def _read(
    params: Named, contract: Contract, side: Side, kind: str, settings: AccountFact, now_ns: int
) -> Wish:
    tif = params.text("timeInForce", "GTC")
    if tif not in TIFS:
        raise no(-1115)
    response = params.text("newOrderRespType", "ACK")
    if response not in ("ACK", "RESULT"):
        raise no(-1136)
    if settings.dual and params.has("reduceOnly"):
        raise unwanted("reduceOnly")
    conditional = kind in CONDITIONAL
    return Wish(
        contract,
        side,
        kind,
        tif,
        number_in(params, "quantity"),
        _price_in(params, kind),
        position_side_in(params, settings),
        params.flag("reduceOnly"),
        params.flag("closePosition"),
        match_in(params, kind),
        _self_trade_in(params),
        _good_till_in(params, tif, now_ns),
        client_id_in(params, "clientAlgoId" if conditional else "newClientOrderId"),
        response,
    )


def _price_in(params: Named, kind: str) -> Decimal | None:
    price = number_in(params, "price")
    priced = kind in ("LIMIT", "STOP", "TAKE_PROFIT")
    if priced and price is None and params.raw("priceMatch") in ("", "NONE"):
        raise malformed("price")
    if priced and price is not None and price <= 0:
        raise no(-4001)
    # Some clients send a price of zero with market orders.
    return price if priced or price else None


def match_in(params: Named, kind: str) -> str:
    match = params.text("priceMatch", "NONE")
    if match == "NONE":
        return match
    if match not in MATCHES:
        raise no(-5037)
    if kind not in ("LIMIT", "STOP", "TAKE_PROFIT"):
        raise no(-5038)
    if params.has("price"):
        raise unwanted("price")
    return match


def _self_trade_in(params: Named) -> str:
    mode = params.text("selfTradePreventionMode", "EXPIRE_MAKER")
    if mode not in SELF_TRADE:
        raise no(-5039)
    return mode


def _good_till_in(params: Named, tif: str, now_ns: int) -> int:
    """Only whole seconds count."""
    if tif != "GTD":
        return 0
    till = integer_in(params, "goodTillDate")
    if till is None:
        raise malformed("goodTillDate")
    till = till // 1000 * 1000
    if not now_ns // MS + GOOD_TILL_LEAST_MS < till < GOOD_TILL_MOST_MS:
        raise no(-5040)
    return till


# ── filters ─────────────────────────────────────────────────────────────────────────────────────


def check_price(contract: Contract, price: Decimal) -> None:
    """PRICE_FILTER."""
    _check_number(contract, price, -4001, -4002)
    if price < contract.min_price:
        raise no(-4013)


def check_trigger(contract: Contract, price: Decimal) -> None:
    _check_number(contract, price, -4006, -4007)


def _check_number(contract: Contract, price: Decimal, too_low: int, too_high: int) -> None:
    if price <= 0:
        raise no(too_low)
    if _places(price) > contract.price_precision:
        raise no(-1111)
    if price > contract.max_price:
        raise no(too_high)
    if price % contract.instrument.tick:
        raise no(-4014)


def check_qty(contract: Contract, qty: Decimal, *, market: bool) -> None:
    """LOT_SIZE, and MARKET_LOT_SIZE where there is no price."""
    if qty <= 0:
        raise no(-4003)
    if _places(qty) > contract.qty_precision:
        raise no(-1111)
    instrument = contract.instrument
    if qty < instrument.min_qty:
        raise no(-4004)
    if qty > (contract.market_max_qty if market else instrument.max_qty):
        raise no(-4005)
    if qty % instrument.qty_step:
        raise no(-4023)


def check_percent(contract: Contract, side: Side, price: Decimal, mark: Decimal) -> None:
    """PERCENT_PRICE: a buy not too far above the mark, a sell not too far below."""
    if not mark:
        return
    if side == "buy" and price > (cap := mark * contract.multiplier_up):
        raise Refused(-4016, f"Limit price can't be higher than {_cut(cap, contract)}.")
    if side == "sell" and price < (floor := mark * contract.multiplier_down):
        raise Refused(-4024, f"Limit price can't be lower than {_cut(floor, contract)}.")


def check_notional(contract: Contract, qty: Decimal, price: Decimal, code: int = -4164) -> None:
    least = contract.instrument.min_notional
    if price and qty * price < least:
        raise no(code, least=f"{least:f}")


def _cut(value: Decimal, contract: Contract) -> str:
    return f"{contract.instrument.price_at_most(value):f}"


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(-exponent, 0)
