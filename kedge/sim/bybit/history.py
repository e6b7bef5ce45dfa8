"""What a client can look up of its own: open orders, ended orders, executions, the transaction log.

How far back that goes is Bybit's rule on the venue's own clock: orders that ended without a fill for a day,
everything that traded for two years. `lookup_lag` hides what is younger than its delay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kedge.model.instrument import Instrument
from kedge.sim.bybit import codes, shapes
from kedge.sim.bybit.news import News
from kedge.sim.bybit.pages import page, unescaped
from kedge.sim.bybit.params import DAY_MS, Params, Refused
from kedge.sim.bybit.rows import ON_ITS_WAY, ExecRow, LogRow, OrderRow, Tables
from kedge.sim.bybit.texts import Body, ms
from kedge.sim.testnet.faults import Faults

DAYS_2Y = 730
SPAN_DAYS = 7


class History:
    def __init__(self, tables: Tables, news: News, faults: Faults) -> None:
        self._tables = tables
        self._news = news
        self._faults = faults
        # Retention in milliseconds, by the venue's documents; a test may shorten it by the fault `retention`.
        self.unfilled_ms = DAY_MS
        self.filled_ms = DAYS_2Y * DAY_MS

    # ── orders ──────────────────────────────────────────────────────────────────────────────────

    def realtime(self, account: str, params: Params, now_ns: int) -> Body:
        """GET /v5/order/realtime"""
        category = params.category()
        order_id, link = params.text("orderId"), params.text("orderLinkId")
        named = bool(order_id or link)
        wide = params.text("symbol") or params.text("baseCoin") or params.text("settleCoin")
        if category == "linear" and not (named or wide):
            raise Refused(codes.bad("Missing some parameters that must be filled in, symbol or settleCoin"))
        limit, cursor = params.limit(20, 50), unescaped(params.text("cursor"))
        rows: Iterable[OrderRow]
        if named:
            found = self._tables.find(account, order_id, link)
            shown = found is not None and found.category == category and self._remembered(account, found)
            rows = [found] if found is not None and shown else []
        elif params.whole("openOnly", 0, 0, 2) == 1:
            rows = self._ended(account, category)
        else:
            rows = reversed(self._tables.open_of(account))
        chosen = self._chosen(rows, category, params, named)
        shown_rows = self._seen(account, chosen, now_ns, changed=False)
        items, after = page(shown_rows, cursor, limit, shifting=self._shifting(account))
        bodies = [shapes.order_body(row) for row in items]
        return {"list": bodies, "nextPageCursor": after, "category": category}

    def history(self, account: str, params: Params, now_ns: int) -> Body:
        """GET /v5/order/history"""
        category = params.category()
        order_id, link = params.text("orderId"), params.text("orderLinkId")
        limit, cursor, now_ms = params.limit(20, 50), unescaped(params.text("cursor")), ms(now_ns)
        start, end = params.span(now_ms, SPAN_DAYS, SPAN_DAYS)
        status = params.text("orderStatus")
        named = bool(order_id or link)
        rows: Iterable[OrderRow] = self._tables.orders_of(account)
        if named:
            found = self._tables.find(account, order_id, link)
            rows = [found] if found is not None else []
        else:
            rows = (r for r in rows if start <= ms(r.created_ns) <= end)
        chosen = (
            row
            for row in self._chosen(rows, category, params, named)
            if self._kept(row, now_ms) and status in ("", row.status)
        )
        shown = self._seen(account, chosen, now_ns, changed=True)
        items, after = page(shown, cursor, limit, shifting=self._shifting(account))
        bodies = [shapes.order_body(row) for row in items]
        return {"list": bodies, "nextPageCursor": after, "category": category}

    def _kept(self, row: OrderRow, now_ms: int) -> bool:
        if row.open or row.status in (ON_ITS_WAY, "Triggered"):
            return False
        age = now_ms - ms(row.updated_ns)
        return age <= (self.filled_ms if row.cum_qty else self.unfilled_ms)

    def _remembered(self, account: str, row: OrderRow) -> bool:
        """Open, or among the last that ended since the venue was started."""
        return row.open or row.number in self._news.ended.get((account, row.category), ())

    def _ended(self, account: str, category: str) -> Iterator[OrderRow]:
        numbers = sorted(self._news.ended.get((account, category), ()), reverse=True)
        for number in numbers:
            row = self._tables.order(number)
            if row is not None and not row.open:
                yield row

    def _chosen(
        self, rows: Iterable[OrderRow], category: str, params: Params, named: bool
    ) -> Iterator[OrderRow]:
        """By symbol, else by base coin; and by settle coin and kind. Ids are stronger than all of these."""
        symbol, base = params.text("symbol"), params.text("baseCoin")
        settle, kind = params.text("settleCoin"), params.text("orderFilter")
        for row in rows:
            if row.category != category:
                continue
            if named or (
                self._meant(self._news.instrument(row.key), row.symbol, symbol, base, settle)
                and kind in ("", row.filter)
            ):
                yield row

    def _meant(self, instrument: Instrument, name: str, symbol: str, base: str, settle: str) -> bool:
        if symbol:
            return name == symbol
        if base and instrument.base != base:
            return False
        return not settle or instrument.settle == settle

    def _seen(
        self, account: str, rows: Iterable[OrderRow], now_ns: int, *, changed: bool
    ) -> Iterable[OrderRow]:
        lag = self._faults.strikes("lookup_lag", account=account)
        if lag is None:
            return rows
        before = now_ns - lag.delay_ns
        return [row for row in rows if (row.updated_ns if changed else row.created_ns) <= before]

    def _shifting(self, account: str) -> bool:
        return self._faults.strikes("shifting_cursor", account=account) is not None

    # ── executions ──────────────────────────────────────────────────────────────────────────────

    def executions(self, account: str, params: Params, now_ns: int) -> Body:
        """GET /v5/execution/list"""
        category = params.category()
        limit, cursor, now_ms = params.limit(50, 100), unescaped(params.text("cursor")), ms(now_ns)
        start, end = params.span(now_ms, SPAN_DAYS, SPAN_DAYS)
        order_id, link = params.text("orderId"), params.text("orderLinkId")
        named = bool(order_id or link)
        oldest = now_ms - self.filled_ms
        lag = self._faults.strikes("lookup_lag", account=account)
        newest = now_ns - lag.delay_ns if lag else now_ns
        kind = params.text("execType")
        symbol, base = params.text("symbol"), params.text("baseCoin")
        settle = params.text("settleCoin")

        def chosen() -> Iterator[ExecRow]:
            for row in self._tables.executions_of(account):
                at = ms(row.time_ns)
                if at < oldest or (not named and at < start):
                    break
                if row.category != category or row.time_ns > newest:
                    continue
                if named:
                    if row.order_id == order_id if order_id else row.link == link:
                        yield row
                elif at <= end and kind in ("", row.type):
                    instrument = self._news.instrument(f"{category}:{row.symbol}")
                    if self._meant(instrument, row.symbol, symbol, base, settle):
                        yield row

        items, after = page(chosen(), cursor, limit, shifting=self._shifting(account))
        bodies = [shapes.execution_body(row) for row in items]
        return {"list": bodies, "nextPageCursor": after, "category": category}

    def closed_pnl(self, account: str, params: Params, now_ns: int) -> Body:
        """GET /v5/position/closed-pnl: orders that closed something, one line each."""
        category = params.category()
        limit, cursor = params.limit(50, 100), unescaped(params.text("cursor"))
        start, end = params.span(ms(now_ns), SPAN_DAYS, SPAN_DAYS)
        symbol = params.text("symbol")
        rows = (
            row
            for row in self._tables.executions_of(account)
            if row.category == category
            and row.closed
            and start <= ms(row.time_ns) <= end
            and symbol in ("", row.symbol)
        )
        items, after = page(rows, cursor, limit)
        bodies = [shapes.closed_body(row) for row in items]
        return {"list": bodies, "nextPageCursor": after, "category": category}

    # ── the transaction log ─────────────────────────────────────────────────────────────────────

    def log(self, account: str, params: Params, now_ns: int) -> Body:
        """GET /v5/account/transaction-log"""
        if params.text("accountType", "UNIFIED") != shapes.UNIFIED:
            raise Refused(codes.bad("accountType only support UNIFIED"))
        limit, cursor = params.limit(20, 50), unescaped(params.text("cursor"))
        start, end = params.span(ms(now_ns), 1, SPAN_DAYS)
        category, currency = params.text("category"), params.text("currency")
        kind, base = params.text("type"), params.text("baseCoin")

        def chosen() -> Iterator[LogRow]:
            for row in self._tables.log_of(account):
                at = ms(row.time_ns)
                if at < start:
                    break
                if at > end or category not in ("", row.category) or currency not in ("", row.asset):
                    continue
                if kind in ("", row.type) and (not base or row.symbol.startswith(base)):
                    yield row

        items, after = page(chosen(), cursor, limit, shifting=self._shifting(account))
        return {"list": [shapes.log_body(row) for row in items], "nextPageCursor": after}
