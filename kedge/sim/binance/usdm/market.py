"""What anybody may ask of the futures market: contracts, book, trades, klines, marks, funding, tickers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal

from msgspec import Struct

from kedge.model.numbers import HUNDRED, MONEY, ZERO, divide
from kedge.model.venue import Level
from kedge.sim.binance.common import Refused
from kedge.sim.binance.house import BinanceHouse
from kedge.sim.binance.spot.tape import Aggregate, Print, Tape
from kedge.sim.binance.usdm.ask import Ask, limit_in, page, time_in
from kedge.sim.binance.usdm.bodies import Body, contract_body, interest
from kedge.sim.binance.usdm.codes import no
from kedge.sim.binance.usdm.facts import Memory
from kedge.sim.binance.usdm.listings import MS, SETTLE, Contract, Listings, fixed, money, rounded
from kedge.sim.binance.usdm.names import Named
from kedge.sim.binance.usdm.rules import rate_limits
from kedge.sim.binance.usdm.wishes import contract_in, integer_in
from kedge.sim.exchange import MarkMoved, TradePrinted
from kedge.sim.testnet.bars import INTERVALS, Bar, Interval, span_ns

HOUR_NS = 3600 * 10**9
DAY_NS = 24 * HOUR_NS
DEPTHS = (5, 10, 20, 50, 100, 500, 1000)
FUNDINGS_MAX = 20_000
STATUS = {"trading": "TRADING", "halted": "PENDING_TRADING", "closed": "SETTLING"}


class Funding(Struct, frozen=True):
    """One payment of funding, as `fundingRate` tells it."""

    symbol: str
    rate: Decimal
    mark: Decimal
    at_ns: int


class MarketData:
    def __init__(self, house: BinanceHouse, listings: Listings, memory: Memory) -> None:
        self._house = house
        self._listings = listings
        self._numbers = memory.numbers
        self._tapes: dict[str, Tape] = {}
        self._fundings = house.keeper.drawer("usdm.fundings", Funding, most=FUNDINGS_MAX, soft=True)
        # Symbol to when funding is next due, with the rate and the mark that were last told.
        self._due: dict[str, tuple[int, Decimal, Decimal]] = {}

    def tape(self, symbol: str) -> Tape:
        tape = self._tapes.get(symbol)
        if tape is None:
            tape = self._tapes[symbol] = Tape(symbol, self._numbers)
        return tape

    def tapes(self) -> list[Tape]:
        return list(self._tapes.values())

    # ── what is learnt ──────────────────────────────────────────────────────────────────────────

    def marked(self, symbol: str, moved: MarkMoved) -> None:
        """Keep what funding was paid, if it was since the last mark."""
        report = self._house.exchange.market(moved.symbol)
        due, rate, mark = self._due.get(symbol, (report.funding_ns, moved.funding_rate, moved.mark))
        if due and moved.venue_ns >= due:
            self._fundings.put(f"{symbol}/{due}", Funding(symbol, rate, mark, due))
            due = report.funding_ns
        self._due[symbol] = (due, moved.funding_rate, moved.mark)

    def printed(self, symbol: str, trade: TradePrinted) -> None:
        self.tape(symbol).printed(trade)

    # ── the venue ───────────────────────────────────────────────────────────────────────────────

    def ping(self, ask: Ask) -> Body:
        return {}

    def time(self, ask: Ask) -> Body:
        return {"serverTime": ask.now_ns // MS}

    def exchange_info(self, ask: Ask) -> Body:
        exchange = self._house.exchange
        return {
            "timezone": "UTC",
            "serverTime": ask.now_ns // MS,
            "futuresType": "U_MARGINED",
            "rateLimits": rate_limits(),
            "exchangeFilters": [],
            "assets": [{"asset": SETTLE, "marginAvailable": True, "autoAssetExchange": "-10000"}],
            "symbols": [
                contract_body(contract, STATUS[exchange.instrument(contract.inner).status])
                for contract in self._listings.all.values()
            ],
        }

    # ── the book ────────────────────────────────────────────────────────────────────────────────

    def depth(self, ask: Ask) -> Body:
        contract = contract_in(ask.params, self._listings)
        limit = depth_limit(ask.params)
        view = self._house.exchange.book(contract.inner, limit)
        return {
            "lastUpdateId": self.tape(contract.symbol).update_id,
            "E": ask.now_ns // MS,
            "T": view.venue_ns // MS,
            "bids": self.levels(contract, view.bids),
            "asks": self.levels(contract, view.asks),
        }

    def levels(self, contract: Contract, side: Sequence[Level]) -> list[list[str]]:
        price, qty = contract.price_precision, contract.qty_precision
        return [[fixed(level.price, price), fixed(level.qty, qty)] for level in side]

    def book_ticker(self, ask: Ask) -> Body | list[Body]:
        return self._each(ask, lambda contract: self._best(contract, ask))

    def _best(self, contract: Contract, ask: Ask) -> Body:
        view = self._house.exchange.book(contract.inner, 1)
        bid = view.bids[0] if view.bids else Level(ZERO, ZERO)
        offer = view.asks[0] if view.asks else Level(ZERO, ZERO)
        body: Body = {"symbol": contract.symbol}
        if ask.socket:
            body["lastUpdateId"] = self.tape(contract.symbol).update_id
        price, qty = contract.price_precision, contract.qty_precision
        return body | {
            "bidPrice": fixed(bid.price, price),
            "bidQty": fixed(bid.qty, qty),
            "askPrice": fixed(offer.price, price),
            "askQty": fixed(offer.qty, qty),
            "time": view.venue_ns // MS,
        }

    # ── trades ──────────────────────────────────────────────────────────────────────────────────

    def trades(self, ask: Ask) -> list[Body]:
        contract = contract_in(ask.params, self._listings)
        limit = limit_in(ask.params, 500, 1000)
        return [_print(contract, one) for one in page(self._prints(contract), limit, first=False)]

    def old_trades(self, ask: Ask) -> list[Body]:
        contract = contract_in(ask.params, self._listings)
        limit, since = limit_in(ask.params, 100, 500), integer_in(ask.params, "fromId")
        prints = [one for one in self._prints(contract) if since is None or one.trade_id >= since]
        return [_print(contract, one) for one in page(prints, limit, first=since is not None)]

    def aggregates(self, ask: Ask) -> list[Body]:
        params, contract = ask.params, contract_in(ask.params, self._listings)
        since, limit = integer_in(params, "fromId"), limit_in(params, 500, 1000)
        start, end = time_in(params, "startTime"), time_in(params, "endTime")
        if start is not None and end is not None and end - start > HOUR_NS:
            raise no(-4165)
        found = [
            one
            for one in self.tape(contract.symbol).aggregates
            if (since is None or one.number >= since)
            and (start is None or one.at_ns >= start)
            and (end is None or one.at_ns < end + MS)
        ]
        first = since is not None or start is not None
        return [aggregate_body(contract, one) for one in page(found, limit, first=first)]

    def _prints(self, contract: Contract) -> list[Print]:
        return list(self.tape(contract.symbol).prints)

    # ── klines ──────────────────────────────────────────────────────────────────────────────────

    def klines(self, ask: Ask) -> list[list[object]]:
        return self._klines(ask, contract_in(ask.params, self._listings))

    def continuous_klines(self, ask: Ask) -> list[list[object]]:
        """Of the contract of a pair that is of this type now."""
        pair, kind = ask.params.need("pair"), ask.params.need("contractType")
        if kind not in ("PERPETUAL", "CURRENT_QUARTER", "NEXT_QUARTER", "TRADIFI_PERPETUAL"):
            raise no(-4104)
        of_pair = [one for one in self._listings.all.values() if one.pair == pair]
        if not of_pair:
            raise no(-4144)
        # The last one that was listed: an earlier quarter has been delivered.
        of_kind = [one for one in of_pair if one.contract_type == kind]
        return self._klines(ask, of_kind[-1]) if of_kind else []

    def _klines(self, ask: Ask, contract: Contract) -> list[list[object]]:
        params = ask.params
        interval = interval_of(params.need("interval"))
        start, end = time_in(params, "startTime"), time_in(params, "endTime")
        limit = limit_in(params, 500, 1500)
        bars = self._house.bars.query(
            contract.inner,
            interval,
            ask.now_ns,
            start_ns=start or 0,
            end_ns=end or 0,
            limit=limit,
            first=start is not None,
        )
        return [_kline(contract, bar, interval) for bar in bars]

    # ── marks and funding ───────────────────────────────────────────────────────────────────────

    def premium_index(self, ask: Ask) -> Body | list[Body]:
        return self._each(ask, lambda contract: self.mark_body(contract, ask.now_ns))

    def mark_body(self, contract: Contract, now_ns: int) -> Body:
        report = self._house.exchange.market(contract.inner)
        return {
            "symbol": contract.symbol,
            "markPrice": money(report.mark),
            "indexPrice": money(report.index or report.mark),
            "estimatedSettlePrice": money(report.index or report.mark),
            "lastFundingRate": money(report.funding_rate) if report.funding_ns else "",
            "interestRate": interest(),
            "nextFundingTime": report.funding_ns // MS,
            "time": now_ns // MS,
        }

    def funding_rates(self, ask: Ask) -> list[Body]:
        params = ask.params
        symbol = params.text("symbol")
        if symbol:
            contract_in(params, self._listings)
        start, end = time_in(params, "startTime"), time_in(params, "endTime")
        limit = limit_in(params, 100, 1000)
        found = [
            one
            for one in self._fundings.values()
            if symbol in ("", one.symbol)
            and (start is None or one.at_ns >= start)
            and (end is None or one.at_ns <= end)
        ]
        return [
            {
                "symbol": one.symbol,
                "fundingTime": one.at_ns // MS,
                "fundingRate": money(one.rate),
                "markPrice": money(one.mark),
            }
            for one in page(found, limit, first=start is not None)
        ]

    def funding_info(self, ask: Ask) -> list[Body]:
        """Symbols whose cap differs from the rule."""
        return [
            {
                "symbol": one.symbol,
                "adjustedFundingRateCap": money(one.terms.funding_cap),
                "adjustedFundingRateFloor": money(-one.terms.funding_cap),
                "fundingIntervalHours": one.terms.funding_interval_ns // HOUR_NS,
                "disclaimer": False,
            }
            for one in self._listings.all.values()
            if one.terms.funding_interval_ns
        ]

    def open_interest(self, ask: Ask) -> Body:
        contract = contract_in(ask.params, self._listings)
        exchange = self._house.exchange
        held = ZERO
        for name in exchange.accounts():
            held += sum((abs(p.qty) for p in exchange.positions(name) if p.symbol == contract.inner), ZERO)
        interest = fixed(held / 2, contract.qty_precision)
        return {"symbol": contract.symbol, "openInterest": interest, "time": ask.now_ns // MS}

    # ── tickers ─────────────────────────────────────────────────────────────────────────────────

    def price_ticker(self, ask: Ask) -> Body | list[Body]:
        return self._each(
            ask,
            lambda contract: {
                "symbol": contract.symbol,
                "price": fixed(self.last(contract), contract.price_precision),
                "time": ask.now_ns // MS,
            },
        )

    def last(self, contract: Contract) -> Decimal:
        report = self._house.exchange.market(contract.inner)
        return report.last or report.mark or report.index

    def day_ticker(self, ask: Ask) -> Body | list[Body]:
        return self._each(ask, lambda contract: self.day(contract, ask.now_ns))

    def day(self, contract: Contract, now_ns: int) -> Body:
        """Statistics of the last twenty-four hours."""
        since_ns = now_ns - DAY_NS
        sums = self._house.bars.span(contract.inner, now_ns, 1440)
        last, opened = self.last(contract), sums.open
        volume, quote, count = sums.volume, sums.turnover, sums.trades
        prints = self.tape(contract.symbol).prints
        last_id = prints[-1].trade_id if prints else -1
        price, qty = contract.price_precision, contract.qty_precision
        change = last - opened
        return {
            "symbol": contract.symbol,
            "priceChange": fixed(change, price),
            "priceChangePercent": f"{divide(change * HUNDRED, opened):.3f}",
            "weightedAvgPrice": rounded(divide(quote, volume) if volume else ZERO, price),
            "lastPrice": fixed(last, price),
            "lastQty": fixed(prints[-1].qty if prints else ZERO, qty),
            "openPrice": fixed(opened, price),
            "highPrice": fixed(max(sums.high, last), price),
            "lowPrice": fixed(min(sums.low, last), price),
            "volume": fixed(volume, qty),
            "quoteVolume": fixed(quote, 2),
            "openTime": since_ns // MS,
            "closeTime": now_ns // MS,
            "firstId": max(last_id - count + 1, 0) if prints else -1,
            "lastId": last_id,
            "count": count,
        }

    def _each(self, ask: Ask, body: Callable[[Contract], Body]) -> Body | list[Body]:
        """One body for a symbol, a list of all where none is named."""
        if ask.params.has("symbol"):
            return body(contract_in(ask.params, self._listings))
        return [body(contract) for contract in self._listings.all.values()]


def depth_limit(params: Named) -> int:
    limit = integer_in(params, "limit")
    if limit is None:
        return 500
    if limit not in DEPTHS:
        raise Refused(-4021, f"'{limit}' is not valid depth limit.")
    return limit


def interval_of(name: str) -> Interval:
    if name not in INTERVALS:
        raise no(-1120)
    return name


def aggregate_body(contract: Contract, one: Aggregate) -> Body:
    return {
        "a": one.number,
        "p": fixed(one.price, contract.price_precision),
        "q": fixed(one.qty, contract.qty_precision),
        "f": one.first,
        "l": one.last,
        "T": one.at_ns // MS,
        "m": one.sold,
    }


def _print(contract: Contract, one: Print) -> Body:
    return {
        "id": one.trade_id,
        "price": fixed(one.price, contract.price_precision),
        "qty": fixed(one.qty, contract.qty_precision),
        "quoteQty": fixed(MONEY.multiply(one.price, one.qty), 2),
        "time": one.at_ns // MS,
        "isBuyerMaker": one.sold,
        "isRPITrade": False,
    }


def _kline(contract: Contract, bar: Bar, interval: Interval) -> list[object]:
    price, qty = contract.price_precision, contract.qty_precision
    return [
        bar.start_ns // MS,
        fixed(bar.open, price),
        fixed(bar.high, price),
        fixed(bar.low, price),
        fixed(bar.close, price),
        fixed(bar.volume, qty),
        (bar.start_ns + span_ns(interval, bar.start_ns)) // MS - 1,
        fixed(bar.turnover, 5),
        bar.trades,
        fixed(bar.taker_volume, qty),
        fixed(bar.taker_turnover, 5),
        "0",
    ]
