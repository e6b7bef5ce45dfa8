"""Orders that wait for a price: conditionals, take profits, stop losses, trailing stops.

They wait here and not in the exchange, because Bybit's trigger has a direction of its own (a buy may wait for
a fall) and because nothing is held for them. A trigger is a level, not a crossing: whatever was missed while
nobody looked fires at the next look. `follow` is called after every change, until nothing follows from it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from kedge.model.numbers import ZERO, text
from kedge.sim.bybit import entry
from kedge.sim.bybit.codes import ENDS, NO_POSITION, NOT_MODIFIED, No, bad
from kedge.sim.bybit.news import News
from kedge.sim.bybit.params import Params, Refused
from kedge.sim.bybit.rows import OrderRow, PositionRow, Tables, outer
from kedge.sim.exchange import Exchange

CLOSING = ("TakeProfit", "StopLoss", "TrailingStop", "PartialTakeProfit", "PartialStopLoss")
FULL = ("TakeProfit", "StopLoss", "TrailingStop")
PARTIAL_MAX = 20

Enter = Callable[[OrderRow, int], No | None]


class Stops:
    def __init__(self, tables: Tables, news: News, exchange: Exchange, enter: Enter) -> None:
        self._tables = tables
        self._news = news
        self._exchange = exchange
        self._enter = enter

    def drop(self, row: OrderRow, why: str, now_ns: int) -> None:
        """A conditional ends before its price came."""
        row.status, row.updated_ns = "Deactivated", now_ns
        row.cancel_type, row.reject_reason = ENDS[why]
        self._keep(row)

    def follow(self, moved: list[str], now_ns: int) -> bool:
        """What follows from prices that moved and orders that traded; whether anything did."""
        traded, self._news.traded = list(self._news.traded), {}
        did = False
        for number in traded:
            row = self._tables.order(number)
            if row is not None and (row.take_profit or row.stop_loss) and not row.attached:
                did = self._attach(row, now_ns) or did
        for account, key in list(self._news.positions):
            did = self._refit(account, key, now_ns) or did
        for key in moved:
            if self._exchange.market(key).open:
                did = self._look(key, now_ns) or did
        return did

    # ── triggers ────────────────────────────────────────────────────────────────────────────────

    def _look(self, key: str, now_ns: int) -> bool:
        fired = False
        for row in self._tables.waiting_on(key):
            price = entry.price_by(self._exchange, key, row.trigger_by)
            if not price or row.status != "Untriggered":
                continue
            if row.trailing:
                self._trail(row, price)
            if row.trigger_price and _reached(row, price):
                self._fire(row, now_ns)
                fired = True
        return fired

    def _fire(self, row: OrderRow, now_ns: int) -> None:
        row.status, row.updated_ns = "Triggered", now_ns
        if row.stop_type in FULL:
            row.qty = abs(self._tables.position(row.account, row.key).qty) or row.qty
        self._keep(row)
        no = self._enter(row, now_ns)
        if no is not None:
            # "If the margin is insufficient after the conditional order is triggered, it is cancelled."
            row.status, row.reject_reason = "Cancelled", "EC_Others"
            self._keep(row)
        if row.parent and row.stop_type == "tpslOrder":
            self._other_leg(row, now_ns)

    def _other_leg(self, row: OrderRow, now_ns: int) -> None:
        """Of a spot take profit and stop loss that came together, one ends the other."""
        for other in self._tables.waiting_on(row.key):
            if other.account == row.account and other.parent == row.parent:
                profit = other.trigger_direction == (1 if other.side == "Sell" else 2)
                self.drop(other, "tp_by_sl" if profit else "sl_by_tp", now_ns)

    def _trail(self, row: OrderRow, price: Decimal) -> None:
        """Move a trailing stop after the best price, once its price of activation has come."""
        long = row.side == "Sell"
        if row.active:
            if (price >= row.active) != long and price != row.active:
                return
            row.active = ZERO
        level = price - row.trailing if long else price + row.trailing
        better = level > row.trigger_price if long else level < row.trigger_price
        if not row.trigger_price or better:
            row.trigger_price = max(level, ZERO)
            self._tables.put_order(row)

    # ── take profit and stop loss ───────────────────────────────────────────────────────────────

    def set(self, account: str, category: str, params: Params, now_ns: int) -> None:
        """POST /v5/position/trading-stop. Raises `Refused`."""
        symbol = params.need("symbol")
        instrument = entry.instrument_of(self._exchange, category, symbol)
        position = self._tables.position(account, instrument.symbol)
        mode = params.choice("tpslMode", ("Full", "Partial"), "Full")
        if params.whole("positionIdx", 0, 0, 2):
            raise Refused(No(10001, "position idx not match position mode"))
        if not position.qty:
            raise Refused(NO_POSITION)
        wishes = {name: params.text(name) for name in ("takeProfit", "stopLoss", "trailingStop")}
        if not any(wishes.values()):
            raise Refused(NOT_MODIFIED)
        for name in wishes:
            price = params.amount(name)
            if price and price % instrument.tick:
                raise Refused(bad(f"{name} is not a multiple of the tick {text(instrument.tick)}"))
        self._sides(position, params)
        if mode == "Partial":
            self._set_partial(position, params, now_ns)
        else:
            self._set_full(position, params, now_ns)

    def _sides(self, position: PositionRow, params: Params) -> None:
        """A take profit is on the far side of the price, a stop loss on the near one."""
        long = position.qty > 0
        side = "Buy" if long else "Sell"
        for name, above in (("takeProfit", long), ("stopLoss", not long)):
            level = params.amount(name)
            by = params.text("tpTriggerBy" if name == "takeProfit" else "slTriggerBy") or "LastPrice"
            price = entry.price_by(self._exchange, position.symbol, by)
            if level and (level <= price if above else level >= price):
                title = name[0].upper() + name[1:]
                way = "higher" if above else "lower"
                words = f"{title}:{text(level)} set for {side} position should be {way} than base_price"
                raise Refused(No(10001, f"{words}:{text(price)}??{by}"))

    def _set_full(self, position: PositionRow, params: Params, now_ns: int) -> None:
        before = (position.take_profit, position.stop_loss, position.trailing)
        kinds = (("takeProfit", "TakeProfit"), ("stopLoss", "StopLoss"), ("trailingStop", "TrailingStop"))
        values = list(before)
        for index, (name, _) in enumerate(kinds):
            if params.text(name):
                values[index] = params.amount(name)
        if tuple(values) == before and not params.text("activePrice"):
            raise Refused(NOT_MODIFIED)
        for (name, kind), value in zip(kinds, values, strict=True):
            if params.text(name):
                self._clear(position, kind, now_ns)
                if value:
                    self._wait(position, kind, value, params, now_ns)
        position.take_profit, position.stop_loss, position.trailing = values
        self._moved(position, now_ns)

    def _set_partial(self, position: PositionRow, params: Params, now_ns: int) -> None:
        mine = [r for r in self._tables.waiting_on(position.symbol) if r.account == position.account]
        if sum(r.stop_type.startswith("Partial") for r in mine) >= PARTIAL_MAX:
            raise Refused(No(110061, "Not allowed to have more than 20 TP/SLs under Partial tpSlMode"))
        for name, kind in (("takeProfit", "PartialTakeProfit"), ("stopLoss", "PartialStopLoss")):
            value = params.amount(name)
            if value:
                self._wait(position, kind, value, params, now_ns)
        self._moved(position, now_ns)

    def _wait(self, position: PositionRow, kind: str, level: Decimal, params: Params, now_ns: int) -> None:
        """A conditional that closes the position, or a part of it."""
        profit = kind.endswith("TakeProfit")
        start = "tp" if profit else "sl"
        row = self._closing(position, kind, now_ns)
        row.trigger_by = params.text(f"{start}TriggerBy") or "LastPrice"
        if kind == "TrailingStop":
            row.trailing, row.active = level, params.amount("activePrice")
            row.trigger_by = "LastPrice"
        else:
            row.trigger_price = level
        if kind.startswith("Partial"):
            row.qty = min(params.amount(f"{start}Size") or row.qty, row.qty)
            limit = params.amount(f"{start}LimitPrice")
            if params.text(f"{start}OrderType") == "Limit" and limit:
                row.kind, row.price, row.tif = "Limit", limit, "GTC"
        self._keep(row)

    def _closing(self, position: PositionRow, kind: str, now_ns: int) -> OrderRow:
        category, symbol = outer(position.symbol)
        long = position.qty > 0
        rise = long if kind.endswith("TakeProfit") else not long
        row = OrderRow(
            0,
            "",
            position.account,
            category,
            symbol,
            "",
            "Sell" if long else "Buy",
            "Market",
            "IOC",
            abs(position.qty),
            ZERO,
            now_ns,
            now_ns,
            "Untriggered",
        )
        row.reduce_only = row.close_on_trigger = True
        row.filter, row.stop_type, row.create_type = "StopOrder", kind, f"CreateBy{kind}"
        row.trigger_direction = 1 if rise else 2
        row.tpsl_mode = "Partial" if kind.startswith("Partial") else "Full"
        row.base_price = self._exchange.market(position.symbol).last
        entry.name(self._tables, row)
        return row

    def _clear(self, position: PositionRow, kind: str, now_ns: int) -> None:
        for row in self._tables.waiting_on(position.symbol):
            if row.account == position.account and row.stop_type == kind:
                self.drop(row, "cancelled", now_ns)

    def _moved(self, position: PositionRow, now_ns: int) -> None:
        position.updated_ns = now_ns
        self._tables.put_position(position)
        self._news.positions[position.account, position.symbol] = None

    def _refit(self, account: str, key: str, now_ns: int) -> bool:
        """After a position changed: what closes it fits it, or goes with it."""
        position = self._tables.position(account, key)
        did = False
        for row in self._tables.waiting_on(key):
            if row.account != account or row.stop_type not in CLOSING:
                continue
            closes = position.qty > 0 if row.side == "Sell" else position.qty < 0
            if not closes:
                self.drop(row, "position_closed", now_ns)
                did = True
            elif row.stop_type in FULL and row.qty != abs(position.qty):
                row.qty = abs(position.qty)
                self._tables.put_order(row)
        if not position.qty and (position.take_profit or position.stop_loss or position.trailing):
            position.take_profit = position.stop_loss = position.trailing = ZERO
            self._tables.put_position(position)
        return did

    def _attach(self, row: OrderRow, now_ns: int) -> bool:
        """An order that carries a take profit or a stop loss has traded."""
        if row.category == "spot":
            return row.status == "Filled" and self._attach_spot(row, now_ns)
        position = self._tables.position(row.account, row.key)
        if not position.qty or (position.qty > 0) != (row.side == "Buy"):
            return False
        values: dict[str, object] = {"tpTriggerBy": row.tp_by, "slTriggerBy": row.sl_by}
        pairs = (("TakeProfit", row.take_profit), ("StopLoss", row.stop_loss))
        for kind, level in pairs:
            if not level:
                continue
            self._clear(position, kind, now_ns)
            self._wait(position, kind, level, Params(values), now_ns)
            if kind == "TakeProfit":
                position.take_profit = level
            else:
                position.stop_loss = level
        row.attached = True
        self._tables.put_order(row)
        self._moved(position, now_ns)
        return True

    def _attach_spot(self, row: OrderRow, now_ns: int) -> bool:
        instrument = self._news.instrument(row.key)
        fee = row.fees.get(instrument.base, ZERO)
        qty = instrument.qty_at_most(row.cum_qty - fee if row.side == "Buy" else row.cum_qty)
        legs = ((row.take_profit, row.tp_limit, True), (row.stop_loss, row.sl_limit, False))
        for level, limit, profit in legs:
            if not (level and qty):
                continue
            buys = row.side == "Sell"
            side, kind = ("Buy" if buys else "Sell"), ("Limit" if limit else "Market")
            tif = "GTC" if limit else "IOC"
            leg = OrderRow(
                0, "", row.account, "spot", row.symbol, "", side, kind, tif, qty, limit, now_ns, now_ns
            )
            leg.status, leg.filter, leg.stop_type = "Untriggered", "tpslOrder", "tpslOrder"
            leg.unit = "" if limit else "baseCoin"
            leg.trigger_price, leg.parent = level, row.link or row.id
            leg.trigger_direction = 1 if profit != buys else 2
            entry.name(self._tables, leg)
            self._keep(leg)
        row.attached = True
        self._tables.put_order(row)
        return True

    def _keep(self, row: OrderRow) -> None:
        self._tables.put_order(row)
        self._news.tell_order(row)


def _reached(row: OrderRow, price: Decimal) -> bool:
    return price >= row.trigger_price if row.trigger_direction == 1 else price <= row.trigger_price
