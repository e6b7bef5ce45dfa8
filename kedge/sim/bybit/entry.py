"""What an order must be before it is taken: one request becomes an `OrderRow`, or a No.

What is judged here is what Bybit judges before it acknowledges: shapes, names, filters, counts, triggers.
Money and the book are the exchange's; its refusals are translated by `codes`. Orders that the exchange does
not know (by quote money, by a level of the book, with a bound on slippage) become plain ones in `plain`.
"""

from __future__ import annotations

import re
from decimal import ROUND_DOWN, Decimal

from kedge.model.instrument import Instrument
from kedge.model.numbers import ONE, ZERO, divide, floor_to, is_multiple, text, trunc_to
from kedge.model.order import OrderKind, Side, Tif
from kedge.model.venue import PlaceOrder
from kedge.sim.bybit import codes
from kedge.sim.bybit.codes import No
from kedge.sim.bybit.params import Params, Refused
from kedge.sim.bybit.rows import OrderRow, Tables, inner
from kedge.sim.bybit.texts import order_id
from kedge.sim.exchange import Exchange

LINK = re.compile(r"[A-Za-z0-9_-]{1,36}")
ACTIVE_MAX = 500
STOPS_MAX = 10
SPOT_STOPS_MAX = 30
TIFS: dict[str, Tif] = {"GTC": "gtc", "IOC": "ioc", "FOK": "fok", "PostOnly": "post_only"}
TRIGGERS = ("LastPrice", "IndexPrice", "MarkPrice")
SMP = ("None", "CancelMaker", "CancelTaker", "CancelBoth")
# What a market order may pay beyond the mark, shown as its price.
MARKET_BAND = Decimal("0.05")
QUOTE_STEP = Decimal("1e-8")


def instrument_of(exchange: Exchange, category: str, symbol: str) -> Instrument:
    try:
        return exchange.instrument(inner(category, symbol))
    except KeyError:
        raise Refused(codes.of_refusal(category, "unknown_symbol", symbol)) from None


def read_create(
    tables: Tables, exchange: Exchange, account: str, category: str, params: Params, now_ns: int
) -> OrderRow:
    """The order that a request describes, not yet kept. Raises `Refused`."""
    symbol = params.need("symbol")
    instrument = instrument_of(exchange, category, symbol)
    row = OrderRow(
        0,
        "",
        account,
        category,
        symbol,
        _link(params),
        params.choice("side", ("Buy", "Sell")),
        params.choice("orderType", ("Limit", "Market")),
        "IOC",
        params.amount("qty"),
        ZERO,
        now_ns,
        now_ns,
    )
    row.base_price = exchange.market(instrument.symbol).last
    _timing(row, params)
    _flags(row, params)
    _attached(row, params)
    _trigger(row, params, exchange)
    _size(row, params, exchange, instrument)
    _price(row, params, exchange, instrument)
    check_numbers(row, instrument)
    fresh(tables, row)
    _room(tables, row)
    return row


def name(tables: Tables, row: OrderRow) -> None:
    """Give the order its number and the venue's id."""
    row.number = tables.next_number()
    row.id = order_id(tables.keeper.birth, row.category, row.number)


def _link(params: Params) -> str:
    link = params.text("orderLinkId")
    if link and not LINK.fullmatch(link):
        raise Refused(codes.bad("OrderLinkId is at most 36 letters, digits, dashes and underscores"))
    return link


def _timing(row: OrderRow, params: Params) -> None:
    if row.kind == "Market":
        row.tif = "IOC"
        return
    tif = params.text("timeInForce", "GTC") or "GTC"
    if tif == "RPI":
        raise Refused(No(170355, "RPI orders are restricted to approved market makers only"))
    if tif not in TIFS:
        spot = row.category == "spot"
        raise Refused(No(170115, "Invalid timeInForce.") if spot else codes.bad("TimeInForce invalid"))
    row.tif = tif


def _flags(row: OrderRow, params: Params) -> None:
    index = params.whole("positionIdx", 0, 0, 2)
    if index and row.category != "spot":
        raise Refused(No(10001, "position idx not match position mode"))
    row.smp = params.choice("smpType", SMP, "None") if params.text("smpType") else "None"
    row.is_leverage = bool(params.whole("isLeverage", 0, 0, 1))
    if row.category == "spot":
        if params.flag("reduceOnly"):
            raise Refused(codes.bad("reduceOnly is for derivatives"))
        return
    row.reduce_only = params.flag("reduceOnly")
    row.close_on_trigger = params.flag("closeOnTrigger")


def _attached(row: OrderRow, params: Params) -> None:
    """A take profit and a stop loss that come with the order."""
    row.take_profit, row.stop_loss = params.amount("takeProfit"), params.amount("stopLoss")
    if not (row.take_profit or row.stop_loss):
        return
    if row.reduce_only:
        raise Refused(No(110057, "Conditional order or limit order contains TP/SL related params"))
    row.tpsl_mode = params.choice("tpslMode", ("Full", "Partial"), "Full") if row.category != "spot" else ""
    row.tp_limit, row.sl_limit = params.amount("tpLimitPrice"), params.amount("slLimitPrice")
    row.tp_by = params.choice("tpTriggerBy", TRIGGERS, "LastPrice") if row.take_profit else ""
    row.sl_by = params.choice("slTriggerBy", TRIGGERS, "LastPrice") if row.stop_loss else ""


# ── conditionals ────────────────────────────────────────────────────────────────────────────────


def _trigger(row: OrderRow, params: Params, exchange: Exchange) -> None:
    row.trigger_price = params.amount("triggerPrice")
    spot = row.category == "spot"
    chosen = params.text("orderFilter", "Order") or "Order"
    if spot and chosen not in ("Order", "tpslOrder", "StopOrder"):
        raise Refused(No(170201, "Invalid orderFilter parameter"))
    if not row.trigger_price:
        if spot and chosen != "Order":
            raise Refused(No(170202, "Please enter the TP/SL price."))
        return
    row.filter = "StopOrder"
    row.stop_type = "Stop"
    row.create_type = "CreateByStopOrder"
    if spot:
        # Without a filter Bybit takes a spot order for an ordinary one, and its trigger for a mistake.
        if chosen == "Order":
            raise Refused(No(170130, "Data sent for paramter 'triggerPrice' is not valid."))
        row.filter = chosen
        row.stop_type = "tpslOrder" if chosen == "tpslOrder" else "Stop"
        row.trigger_direction = 1 if row.trigger_price >= price_by(exchange, row.key, "") else 2
        return
    row.trigger_by = params.choice("triggerBy", TRIGGERS, "LastPrice")
    row.trigger_direction = params.whole("triggerDirection", 0, 0, 2)
    if not row.trigger_direction:
        raise Refused(codes.bad("TriggerDirection invalid"))
    check_direction(row, exchange)


def price_by(exchange: Exchange, key: str, by: str) -> Decimal:
    """The price that a trigger looks at; the mark while nothing has traded."""
    market = exchange.market(key)
    if by == "IndexPrice":
        return market.index or market.mark
    return market.mark if by == "MarkPrice" else market.last or market.mark


def check_direction(row: OrderRow, exchange: Exchange) -> None:
    current = price_by(exchange, row.key, row.trigger_by)
    by, at = row.trigger_by, text(row.trigger_price)
    if row.trigger_direction == 1 and row.trigger_price <= current:
        words = f"expect Rising, but trigger_price[{at}] <= current[{text(current)}]??{by}"
        raise Refused(No(110092, words))
    if row.trigger_direction == 2 and row.trigger_price >= current:
        words = f"expect Falling, but trigger_price[{at}] >= current[{text(current)}]??{by}"
        raise Refused(No(110093, words))


# ── sizes and prices ────────────────────────────────────────────────────────────────────────────


def _size(row: OrderRow, params: Params, exchange: Exchange, instrument: Instrument) -> None:
    if row.category == "spot":
        if row.kind == "Market":
            default = "quoteCoin" if row.side == "Buy" else "baseCoin"
            row.unit = params.choice("marketUnit", ("baseCoin", "quoteCoin"), default)
    elif not row.qty and row.reduce_only and row.close_on_trigger:
        # "0" closes the position, up to what one order may be.
        held = next((p.qty for p in exchange.positions(row.account) if p.symbol == row.key), ZERO)
        row.qty = min(abs(held), instrument.max_qty)
        if not row.qty:
            raise Refused(codes.of_refusal(row.category, "reduce_only", ""))
    if not row.qty:
        raise Refused(
            No(170136, "Order quantity exceeded lower limit.") if row.unit else codes.bad("Qty invalid")
        )


def _price(row: OrderRow, params: Params, exchange: Exchange, instrument: Instrument) -> None:
    side, level = params.text("bboSideType"), params.text("bboLevel")
    if row.kind == "Market":
        row.slippage_type = params.text("slippageToleranceType")
        row.slippage = params.text("slippageTolerance")
        row.price = _bounded(row, params, exchange, instrument) if row.slippage_type else ZERO
    elif side and level and row.category != "spot":
        row.price = _of_book(row, exchange, side, level)
    else:
        row.price = params.amount("price")
        if not row.price:
            spot = row.category == "spot"
            raise Refused(No(170105, "Parameter 'price' was empty.") if spot else codes.bad("Price invalid"))


def _of_book(row: OrderRow, exchange: Exchange, side: str, level: str) -> Decimal:
    if side not in ("Queue", "Counterparty") or level not in ("1", "2", "3", "4", "5"):
        raise Refused(codes.bad("bboSideType or bboLevel invalid"))
    book = exchange.book(row.key, 5)
    own, other = (book.bids, book.asks) if row.side == "Buy" else (book.asks, book.bids)
    levels = own if side == "Queue" else other
    if len(levels) < int(level):
        raise Refused(No(110118, "Unable to retrieve a price of the market order due to low liquidity"))
    return levels[int(level) - 1].price


def _bounded(row: OrderRow, params: Params, exchange: Exchange, instrument: Instrument) -> Decimal:
    """The worst price of a market order with a bound on its slippage."""
    most = params.amount("slippageTolerance")
    if row.slippage_type == "TickSize":
        if not (ONE <= most <= 10_000 and is_multiple(most, ONE)):
            raise Refused(No(110108, "Allowable range: 1 to 10000 tick size"))
    elif row.slippage_type != "Percent" or not Decimal("0.01") <= most <= 10:
        raise Refused(No(110109, "Allowable range: 0.01% to 10%"))
    book = exchange.book(row.key, 1)
    levels = book.asks if row.side == "Buy" else book.bids
    if not levels:
        raise Refused(No(110118, "Unable to retrieve a price of the market order due to low liquidity"))
    touch = levels[0].price
    away = most * instrument.tick if row.slippage_type == "TickSize" else touch * most / 100
    if row.side == "Buy":
        return instrument.price_at_most(touch + away)
    return max(instrument.price_at_least(touch - away), instrument.tick)


def check_numbers(row: OrderRow, instrument: Instrument) -> None:
    """Tick, step, least and most: before the exchange, since a conditional does not get there yet."""
    for price in (row.price, row.trigger_price, row.take_profit, row.stop_loss, row.tp_limit, row.sl_limit):
        if price and not is_multiple(price, instrument.tick):
            _refuse(row, "tick", f"The tick is {text(instrument.tick)}.")
    if row.unit == "quoteCoin":
        if not is_multiple(row.qty, QUOTE_STEP):
            raise Refused(No(170148, "Market order amount decimal too long"))
        if row.qty < instrument.min_notional:
            _refuse(row, "min_notional", "")
        return
    if not is_multiple(row.qty, instrument.qty_step):
        _refuse(row, "step", f"The step is {text(instrument.qty_step)}.")
    if row.qty < instrument.min_qty and not row.reduce_only:
        _refuse(row, "min_qty", "")
    if row.qty > instrument.max_qty:
        _refuse(row, "max_qty", "")
    if (
        row.price
        and not row.reduce_only
        and instrument.notional(row.qty, row.price) < instrument.min_notional
    ):
        _refuse(row, "min_notional", f"The least is {text(instrument.min_notional)}.")


def _refuse(row: OrderRow, code: str, sentence: str) -> None:
    raise Refused(codes.of_refusal(row.category, code, sentence))


# ── ids and counts ──────────────────────────────────────────────────────────────────────────────


def fresh(tables: Tables, row: OrderRow) -> None:
    """An orderLinkId is used once: for ever, or among what is open, as the venue is set."""
    known = tables.find(row.account, "", row.link)
    if known is None or (tables.own.ids_open_only and not known.open):
        return
    raise Refused(codes.DUPLICATE_ID_SPOT if row.category == "spot" else codes.DUPLICATE_ID)


def _room(tables: Tables, row: OrderRow) -> None:
    open_rows = tables.open_of(row.account)
    if row.category == "spot":
        spot = [r for r in open_rows if r.category == "spot"]
        alike = [r for r in spot if r.filter == row.filter and r.symbol == row.symbol]
        if len(spot) >= ACTIVE_MAX or (row.trigger_price and len(alike) >= SPOT_STOPS_MAX):
            raise Refused(codes.TOO_MANY_SPOT)
        return
    mine = [r for r in open_rows if r.key == row.key]
    stops = sum(r.status == "Untriggered" and r.stop_type == "Stop" for r in mine)
    if row.trigger_price and stops >= STOPS_MAX:
        raise Refused(codes.TOO_MANY_STOPS)
    if not row.trigger_price and len(mine) - stops >= ACTIVE_MAX:
        raise Refused(codes.TOO_MANY_ACTIVE)


# ── into the exchange's words ───────────────────────────────────────────────────────────────────


def plain(row: OrderRow, exchange: Exchange, instrument: Instrument) -> PlaceOrder | None:
    """The order for the exchange; None: by its money it buys nothing at all."""
    side: Side = "buy" if row.side == "Buy" else "sell"
    qty = row.qty
    if row.unit == "quoteCoin":
        qty = _qty_for(row, exchange, instrument)
        if not qty:
            return None
    kind: OrderKind = "limit"
    tif = TIFS[row.tif]
    price = row.price
    if row.kind == "Market" and not row.slippage_type:
        kind, tif, price = "market", "gtc", ZERO
    return PlaceOrder(
        client_id=row.link,
        symbol=row.key,
        side=side,
        qty=qty,
        price=price,
        kind=kind,
        tif=tif,
        reduce_only=row.reduce_only or row.close_on_trigger,
    )


def _qty_for(row: OrderRow, exchange: Exchange, instrument: Instrument) -> Decimal:
    """How much the money buys (or what sells for it) through the book as it stands."""
    book = exchange.book(row.key, 0)
    left, qty = row.qty, ZERO
    for level in book.asks if row.side == "Buy" else book.bids:
        part = min(level.qty, divide(left, level.price))
        qty += part
        left -= part * level.price
        if part < level.qty:
            break
    return min(trunc_to(qty, instrument.qty_step), instrument.max_qty)


def market_price(exchange: Exchange, row: OrderRow, instrument: Instrument) -> Decimal:
    """What Bybit shows as the price of a market order: the bound it was turned into."""
    mark = exchange.market(row.key).mark
    bound = mark * (ONE + MARKET_BAND) if row.side == "Buy" else mark * (ONE - MARKET_BAND)
    return floor_to(bound, instrument.tick).quantize(QUOTE_STEP, ROUND_DOWN) if mark else ZERO
