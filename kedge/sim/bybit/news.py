"""What the exchange tells becomes rows, and messages for those who listen.

The rows are put down before anything is said. What is said waits in the outbox until the streams are told
(with the next tick), so that an acknowledgement is out before the order stream says what became of it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from kedge.model.instrument import Instrument
from kedge.model.numbers import ONE, ZERO, divide
from kedge.model.order import State, sign
from kedge.model.venue import Cash, Fill, OrderReport
from kedge.sim.bybit import shapes
from kedge.sim.bybit.codes import ENDS
from kedge.sim.bybit.rows import FINAL, ExecRow, LogRow, OrderRow, PositionRow, Tables, outer
from kedge.sim.bybit.texts import SIDES, Body, exec_id, order_id
from kedge.sim.exchange import (
    BalancesChanged,
    CashMoved,
    Exchange,
    FillMade,
    Happening,
    MarkMoved,
    OrderChanged,
    PositionChanged,
    StatusChanged,
    TradePrinted,
)
from kedge.sim.exchange.money import book_position
from kedge.sim.exchange.state import Position
from kedge.sim.testnet.bars import Bars

# Messages that wait for the next tick; trades that are remembered of each instrument.
OUTBOX_MAX = 100_000
TRADES_MAX = 1000
LIQUIDATIONS_MAX = 1000
ENDED_MAX = 500

EXEC_TYPES = {"trade": "Trade", "liquidation": "BustTrade", "adl": "AdlTrade", "delivery": "Delivery"}
LOG_TYPES = {"trade": "TRADE", "liquidation": "LIQUIDATION", "adl": "ADL", "delivery": "DELIVERY"}
CREATED_BY = {
    "liquidation": "CreateByTakeOver_PassThrough",
    "adl": "CreateByAdl_PassThrough",
    "delivery": "CreateBySettle",
}


class Said(Struct, frozen=True):
    """One item of one private topic; `fast` is the same for the fast stream, where it has one."""

    account: str
    topic: str
    category: str
    body: Body
    fast: Body | None = None


class PublicTrade(Struct, frozen=True):
    id: str
    symbol: str
    side: str
    price: Decimal
    qty: Decimal
    time_ns: int
    tick: str


class Liquidated(Struct, frozen=True):
    symbol: str
    side: str  # of the position
    qty: Decimal
    price: Decimal
    time_ns: int


class News:
    def __init__(self, tables: Tables, exchange: Exchange, bars: Bars) -> None:
        self._tables = tables
        self._exchange = exchange
        self._bars = bars
        self._instruments: dict[str, Instrument] = {}
        self.outbox: deque[Said] = deque(maxlen=OUTBOX_MAX)
        # Accounts whose wallet is to be told, and (account, symbol) whose position is.
        self.wallets: dict[str, None] = {}
        self.positions: dict[tuple[str, str], None] = {}
        self.trades: dict[str, deque[PublicTrade]] = {}
        self.recent: dict[str, deque[PublicTrade]] = {}
        self.liquidations: dict[str, deque[Liquidated]] = {}
        # Orders that have just traded, for what is attached to them.
        self.traded: dict[int, None] = {}
        # The exchange's number of an order to why it is about to end, where that is not the client's wish.
        self.reasons: dict[str, str] = {}
        # The last orders that ended, by account and category: what `realtime` still finds until a restart.
        self.ended: dict[tuple[str, str], deque[int]] = {}
        self._last: dict[str, tuple[Decimal, str]] = {}
        for account in tables.own.clients:
            self._catch_up(account)

    def _catch_up(self, account: str) -> None:
        """What happened before anybody listened: a newcomer's money, trades while the market joined."""
        cursor, more = "", True
        while more:
            fills = self._exchange.fills(account, cursor, 1000)
            for fill in fills.items:
                self._fill(account, fill)
            cursor, more = fills.cursor, fills.more
        cursor, more = "", True
        while more:
            page = self._exchange.cash(account, cursor, 1000)
            for cash in page.items:
                self._cash(account, cash)
            cursor, more = page.cursor, page.more
        for row in self._tables.open_of(account):
            report = self._exchange.order(account, "", row.engine) if row.engine else None
            if report is not None and report.version > row.version:
                self._order(account, report)

    def take(self, news: Sequence[Happening]) -> tuple[list[str], bool]:
        """The instruments whose prices moved, and whether anything of it is a fact to remember."""
        moved: dict[str, None] = {}
        facts = False
        for one in news:
            if isinstance(one, TradePrinted):
                moved[one.symbol] = None
                self._print(one)
                continue
            if isinstance(one, MarkMoved):
                moved[one.symbol] = None
                continue
            facts = facts or isinstance(one, OrderChanged | FillMade | CashMoved | StatusChanged)
            if isinstance(one, OrderChanged):
                self._order(one.account, one.order)
            elif isinstance(one, FillMade):
                self._fill(one.account, one.fill)
            elif isinstance(one, CashMoved):
                self._cash(one.account, one.cash)
            elif isinstance(one, BalancesChanged):
                self.wallets[one.account] = None
            elif isinstance(one, PositionChanged):
                self.positions[one.account, one.position.symbol] = None
        return list(moved), facts

    def tell_order(self, row: OrderRow) -> None:
        if row.status in FINAL:
            kept = self.ended.setdefault((row.account, row.category), deque(maxlen=ENDED_MAX))
            if row.number not in kept:
                kept.append(row.number)
        self.outbox.append(Said(row.account, "order", row.category, shapes.order_body(row, stream=True)))
        if row.category != "spot":
            # A position is told with every deed about its orders, whether it changed or not.
            self.positions[row.account, row.key] = None

    def instrument(self, key: str) -> Instrument:
        found = self._instruments.get(key)
        if found is None:
            self._instruments = {i.symbol: i for i in self._exchange.instruments()}
            found = self._instruments[key]
        return found

    # ── orders ──────────────────────────────────────────────────────────────────────────────────

    def _order(self, account: str, report: OrderReport) -> None:
        row = self._tables.of_engine(report.venue_id) or self._forced(account, report)
        row.cum_qty = report.cum_qty
        row.updated_ns, row.version = report.venue_ns, report.version
        if not row.unit:
            row.qty = report.qty
        if report.price and row.kind == "Limit":
            row.price = report.price
        status = _status(row, report)
        if status in FINAL and status != "Filled":
            self._ended(row, report)
        row.status = status
        self._tables.put_order(row)
        self.tell_order(row)

    def _ended(self, row: OrderRow, report: OrderReport) -> None:
        why = self.reasons.pop(row.engine, "") or report.reason.partition(":")[0]
        row.cancel_type, row.reject_reason = ENDS.get(why, ("UNKNOWN", "EC_Others"))
        if row.unit == "quoteCoin" and why == "no_liquidity":
            row.reject_reason = "EC_NoImmediateQtyToFill"

    def _forced(self, account: str, report: OrderReport) -> OrderRow:
        """An order that nobody asked for: a liquidation's. It has no id of the client's."""
        category, symbol = outer(report.symbol)
        number = self._tables.next_number()
        kind = "Market" if report.kind in ("market", "stop") else "Limit"
        row = OrderRow(
            number,
            order_id(self._tables.keeper.birth, category, number),
            account,
            category,
            symbol,
            "",
            SIDES[report.side],
            kind,
            "IOC",
            report.qty,
            report.price,
            report.venue_ns,
        )
        row.engine, row.engine_qty = report.venue_id, report.qty
        row.create_type = CREATED_BY["liquidation"]
        return row

    # ── fills ───────────────────────────────────────────────────────────────────────────────────

    def _fill(self, account: str, fill: Fill) -> None:
        known = self._tables.account(account, fill.venue_ns)
        if int(fill.exec_id) <= known.fill_seen:
            return
        known.fill_seen = int(fill.exec_id)
        self._tables.put_account(known)
        row = self._tables.of_engine(fill.venue_id)
        instrument = self.instrument(fill.symbol)
        value = abs(instrument.value(fill.qty, fill.price))
        owned = instrument.kind == "spot"
        closed, pnl, size = (ZERO, ZERO, ZERO) if owned else self._position(account, fill, instrument)
        if row is not None:
            row.cum_qty += fill.qty
            row.cum_value += value
            row.fees = {**row.fees, fill.fee_asset: row.fees.get(fill.fee_asset, ZERO) + fill.fee}
            row.closed_pnl += pnl
            self.traded[row.number] = None
            self._tables.put_order(row)
        made = self._execution(account, fill, row, value, closed, pnl)
        self._tables.put_execution(made)
        fast = shapes.fast_body(made) if made.type == "Trade" else None
        body = shapes.execution_body(made, stream=True)
        self.outbox.append(Said(account, "execution", made.category, body, fast))
        if owned:
            self._log_spot(made, instrument)
        else:
            self._log_fill(made, pnl, size, instrument.settle, LOG_TYPES[fill.kind])
        if fill.kind == "liquidation":
            self._liquidated(made)

    def _execution(
        self, account: str, fill: Fill, row: OrderRow | None, value: Decimal, closed: Decimal, pnl: Decimal
    ) -> ExecRow:
        category, symbol = outer(fill.symbol)
        kind = EXEC_TYPES[fill.kind]
        if fill.kind == "delivery" and category == "inverse":
            kind = "Settle"
        paid_in_base = category == "spot" and fill.side == "buy"
        rate_of = fill.qty if paid_in_base else value
        return ExecRow(
            self._tables.next_execution(),
            exec_id(self._tables.keeper.birth, fill.exec_id),
            account,
            category,
            symbol,
            row.id if row else order_id(self._tables.keeper.birth, category, self._tables.next_number()),
            row.link if row else "",
            SIDES[fill.side],
            fill.qty,
            fill.price,
            value,
            fill.fee,
            fill.fee_asset,
            divide(fill.fee, rate_of).quantize(Decimal("1e-6")) if rate_of else ZERO,
            kind,
            fill.venue_ns,
            fill.maker,
            fill.venue_ns // 1000,
            leaves=max(row.engine_qty - row.cum_qty, ZERO) if row else ZERO,
            order_qty=row.qty if row else fill.qty,
            order_price=row.price if row else fill.price,
            order_kind=row.kind if row else "Limit",
            stop_type=row.stop_type if row else "",
            create_type=row.create_type if row else CREATED_BY.get(fill.kind, ""),
            closed=closed,
            pnl=pnl,
            mark=self._exchange.market(fill.symbol).mark,
        )

    def _position(self, account: str, fill: Fill, instrument: Instrument) -> tuple[Decimal, Decimal, Decimal]:
        """Book the fill on our own picture of the position: what it closed, the profit, the size after it."""
        row = self._tables.position(account, fill.symbol)
        before = row.qty
        signed = fill.qty * sign(fill.side)
        position = Position(ONE, row.qty, row.cost)
        pnl = book_position(position, instrument, signed, fill.price)
        row.qty, row.cost = position.qty, position.cost
        closed = min(abs(before), fill.qty) if before * signed < 0 else ZERO
        self._touch_position(row, before, fill.venue_ns)
        net = pnl - (fill.fee if fill.fee_asset == instrument.settle else ZERO)
        row.pnl = net if before == 0 else row.pnl + net
        row.pnl_ever += net
        self._tables.put_position(row)
        return closed, pnl, row.qty

    def _touch_position(self, row: PositionRow, before: Decimal, at_ns: int) -> None:
        row.created_ns = row.created_ns or at_ns
        row.updated_ns = at_ns
        row.seq = at_ns // 1000
        if row.qty == 0:
            row.opened_ns = 0
        elif before == 0 or before * row.qty < 0:
            row.opened_ns = at_ns

    # ── the transaction log ─────────────────────────────────────────────────────────────────────

    def _log_spot(self, made: ExecRow, instrument: Instrument) -> None:
        """A spot trade moves two coins."""
        way = 1 if made.side == "Buy" else -1
        moves = ((instrument.base, way * made.qty), (instrument.quote, -way * made.value))
        for asset, change in moves:
            fee = made.fee if asset == made.fee_asset else ZERO
            self._log(made, asset, "TRADE", change, fee=fee, qty=change)
        if made.fee_asset not in (instrument.base, instrument.quote) and made.fee:
            self._log(made, made.fee_asset, "TRADE", ZERO, fee=made.fee)

    def _log_fill(self, made: ExecRow, pnl: Decimal, size: Decimal, asset: str, kind: str) -> None:
        self._log(made, asset, kind, pnl, fee=made.fee, qty=made.qty, size=size)

    def _log(
        self,
        made: ExecRow,
        asset: str,
        kind: str,
        flow: Decimal,
        fee: Decimal = ZERO,
        qty: Decimal = ZERO,
        size: Decimal = ZERO,
    ) -> None:
        self._tables.put_log(
            LogRow(
                self._tables.next_log(),
                made.account,
                kind,
                asset,
                flow - fee,
                self._balance(made.account, asset, flow - fee, made.time_ns),
                made.time_ns,
                made.category,
                made.symbol,
                made.side,
                qty,
                size,
                made.price,
                fee=fee,
                cash_flow=flow,
                fee_rate=made.fee_rate,
                trade_id=made.id,
                order_id=made.order_id,
                link=made.link,
            )
        )

    def _balance(self, account: str, asset: str, change: Decimal, at_ns: int) -> Decimal:
        row = self._tables.account(account, at_ns)
        row.cash = {**row.cash, asset: row.cash.get(asset, ZERO) + change}
        self._tables.put_account(row)
        return row.cash[asset]

    def _cash(self, account: str, cash: Cash) -> None:
        known = self._tables.account(account, cash.venue_ns)
        if int(cash.cash_id) <= known.cash_seen:
            return
        known.cash_seen = int(cash.cash_id)
        balance = self._balance(account, cash.asset, cash.amount, cash.venue_ns)
        if cash.kind == "funding":
            self._funding(account, cash, balance)
            return
        kinds = {"transfer": "TRANSFER_IN" if cash.amount > 0 else "TRANSFER_OUT", "insurance": "LIQUIDATION"}
        category, symbol = outer(cash.symbol) if cash.symbol else ("", "")
        self._tables.put_log(
            LogRow(
                self._tables.next_log(),
                account,
                kinds.get(cash.kind, "AUTO_DEDUCTION"),
                cash.asset,
                cash.amount,
                balance,
                cash.venue_ns,
                category,
                symbol,
                cash_flow=cash.amount,
            )
        )

    def _funding(self, account: str, cash: Cash, balance: Decimal) -> None:
        """Funding is an execution of its own kind, and a settlement in the log."""
        category, symbol = outer(cash.symbol)
        position = self._tables.position(account, cash.symbol)
        market = self._exchange.market(cash.symbol)
        value = abs(self.instrument(cash.symbol).value(position.qty, market.mark))
        side = "Buy" if position.qty > 0 else "Sell"
        rate = divide(-cash.amount, value).quantize(Decimal("1e-8")) if value else ZERO
        number = self._tables.next_execution()
        birth = self._tables.keeper.birth
        made = ExecRow(
            number,
            exec_id(f"{birth}:funding", cash.cash_id),
            account,
            category,
            symbol,
            f"{cash.venue_ns // 10**9}-{cash.cash_id}",
            "",
            side,
            abs(position.qty),
            market.mark,
            value,
            -cash.amount,
            cash.asset,
            rate,
            "Funding",
            cash.venue_ns,
            False,
            cash.venue_ns // 1000,
            mark=market.mark,
        )
        self._tables.put_execution(made)
        position.pnl += cash.amount
        position.pnl_ever += cash.amount
        self._tables.put_position(position)
        self._tables.put_log(
            LogRow(
                self._tables.next_log(),
                account,
                "SETTLEMENT",
                cash.asset,
                cash.amount,
                balance,
                cash.venue_ns,
                category,
                symbol,
                side,
                abs(position.qty),
                position.qty,
                market.mark,
                funding=cash.amount,
                fee_rate=rate,
                trade_id=made.id,
                order_id=made.order_id,
            )
        )
        self.outbox.append(Said(account, "execution", category, shapes.execution_body(made, stream=True)))

    # ── what the public sees ────────────────────────────────────────────────────────────────────

    def _print(self, trade: TradePrinted) -> None:
        last, tick = self._last.get(trade.symbol, (ZERO, "ZeroPlusTick"))
        if trade.price > last:
            tick = "PlusTick"
        elif trade.price < last:
            tick = "MinusTick"
        else:
            tick = f"Zero{tick.removeprefix('Zero')}"
        self._last[trade.symbol] = (trade.price, tick)
        self._bars.trade(trade.symbol, trade.side, trade.price, trade.qty, trade.venue_ns)
        made = PublicTrade(
            exec_id(self._tables.keeper.birth, trade.trade_id),
            trade.symbol,
            SIDES[trade.side],
            trade.price,
            trade.qty,
            trade.venue_ns,
            tick,
        )
        for kept in (self.trades, self.recent):
            kept.setdefault(trade.symbol, deque(maxlen=TRADES_MAX)).append(made)

    def tick_of(self, symbol: str) -> str:
        return self._last.get(symbol, (ZERO, "ZeroPlusTick"))[1]

    def _liquidated(self, made: ExecRow) -> None:
        key = f"{made.category}:{made.symbol}"
        side = "Sell" if made.side == "Buy" else "Buy"
        self.liquidations.setdefault(key, deque(maxlen=LIQUIDATIONS_MAX)).append(
            Liquidated(key, side, made.qty, made.price, made.time_ns)
        )


def _status(row: OrderRow, report: OrderReport) -> str:
    """Bybit's word for where the order is now."""
    if report.state is State.OPEN:
        return "PartiallyFilled" if report.cum_qty else "New"
    if report.state is State.FILLED:
        return "Filled"
    if report.state is State.REJECTED:
        return "Rejected"
    if row.category == "spot" and report.cum_qty:
        return "PartiallyFilledCanceled"
    return "Cancelled"
