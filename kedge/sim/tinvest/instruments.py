"""InstrumentsService: what is listed, when it trades, what it pays, what margin it needs."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from kedge.model.numbers import HUNDRED
from kedge.protos.tinvest import common_pb2 as common
from kedge.protos.tinvest import instruments_pb2 as pb
from kedge.sim.tinvest import cards
from kedge.sim.tinvest.access import Asked, paper_of
from kedge.sim.tinvest.board import COUPON_DAYS, NOMINAL, Kind, Paper
from kedge.sim.tinvest.calendar import (
    DAY_NS,
    SCHEDULES,
    day_of,
    midnight_ns,
    spans_of,
)
from kedge.sim.tinvest.codes import Refused
from kedge.sim.tinvest.dividends import dividends
from kedge.sim.tinvest.house import TinvestHouse
from kedge.sim.tinvest.shapes import money, nanoseconds, quotation, stamp

SCHEDULE_DAYS_MAX = 14
FOUND_MAX = 300
KINDS: dict[int, Kind] = {
    common.INSTRUMENT_TYPE_BOND: "bond",
    common.INSTRUMENT_TYPE_SHARE: "share",
    common.INSTRUMENT_TYPE_CURRENCY: "currency",
    common.INSTRUMENT_TYPE_ETF: "etf",
    common.INSTRUMENT_TYPE_FUTURES: "future",
}


class Instruments:
    def __init__(self, house: TinvestHouse) -> None:
        self._house = house

    # ── lists ───────────────────────────────────────────────────────────────────────────────────

    def shares(self, asked: Asked, request: pb.InstrumentsRequest) -> pb.SharesResponse:
        return pb.SharesResponse(instruments=[self.share(one) for one in self._list("share", request)])

    def bonds(self, asked: Asked, request: pb.InstrumentsRequest) -> pb.BondsResponse:
        return pb.BondsResponse(instruments=[self.bond(one) for one in self._list("bond", request)])

    def etfs(self, asked: Asked, request: pb.InstrumentsRequest) -> pb.EtfsResponse:
        return pb.EtfsResponse(instruments=[self.etf(one) for one in self._list("etf", request)])

    def futures(self, asked: Asked, request: pb.InstrumentsRequest) -> pb.FuturesResponse:
        return pb.FuturesResponse(instruments=[self.future(one) for one in self._list("future", request)])

    def currencies(self, asked: Asked, request: pb.InstrumentsRequest) -> pb.CurrenciesResponse:
        found = [self.currency(one) for one in self._list("currency", request)]
        return pb.CurrenciesResponse(instruments=found)

    def _list(self, kind: Kind, request: pb.InstrumentsRequest) -> list[Paper]:
        """Base: what trades by API. All: what is listed."""
        every = request.instrument_status == common.INSTRUMENT_STATUS_ALL
        return [one for one in self._house.papers() if one.kind == kind and (every or one.by_api)]

    # ── one ─────────────────────────────────────────────────────────────────────────────────────

    def share_by(self, asked: Asked, request: pb.InstrumentRequest) -> pb.ShareResponse:
        return pb.ShareResponse(instrument=self.share(self._one(request, "share")))

    def bond_by(self, asked: Asked, request: pb.InstrumentRequest) -> pb.BondResponse:
        return pb.BondResponse(instrument=self.bond(self._one(request, "bond")))

    def etf_by(self, asked: Asked, request: pb.InstrumentRequest) -> pb.EtfResponse:
        return pb.EtfResponse(instrument=self.etf(self._one(request, "etf")))

    def future_by(self, asked: Asked, request: pb.InstrumentRequest) -> pb.FutureResponse:
        return pb.FutureResponse(instrument=self.future(self._one(request, "future")))

    def currency_by(self, asked: Asked, request: pb.InstrumentRequest) -> pb.CurrencyResponse:
        return pb.CurrencyResponse(instrument=self.currency(self._one(request, "currency")))

    def instrument_by(self, asked: Asked, request: pb.InstrumentRequest) -> pb.InstrumentResponse:
        paper = self._one(request)
        return pb.InstrumentResponse(instrument=cards.instrument(paper, self._status(paper)))

    def find(self, asked: Asked, request: pb.FindInstrumentRequest) -> pb.FindInstrumentResponse:
        """By a part of the ticker, the name, or a whole identifier."""
        query = request.query.lower()
        kind = KINDS.get(request.instrument_kind)
        found = []
        for paper in self._house.papers():
            names = (paper.uid, paper.figi.lower(), paper.isin.lower(), paper.position_uid)
            if query not in paper.ticker.lower() and query not in paper.name.lower() and query not in names:
                continue
            if request.instrument_kind and paper.kind != kind:
                continue
            if request.HasField("api_trade_available_flag") and (
                request.api_trade_available_flag != paper.by_api
            ):
                continue
            found.append(cards.short(paper))
        return pb.FindInstrumentResponse(instruments=found[:FOUND_MAX])

    def _one(self, request: pb.InstrumentRequest, kind: Kind | None = None) -> Paper:
        if not request.id:
            raise Refused(30007)
        paper = self._named(request)
        if paper is None or (kind is not None and paper.kind != kind):
            raise Refused(50002)
        return paper

    def _named(self, request: pb.InstrumentRequest) -> Paper | None:
        if request.id_type == pb.INSTRUMENT_ID_TYPE_TICKER:
            if not request.class_code:
                raise Refused(30013)
            return self._house.find_paper(f"{request.id}_{request.class_code}")
        if request.id_type == pb.INSTRUMENT_ID_UNSPECIFIED:
            raise Refused(30005)
        return self._house.find_paper(request.id)

    # ── cards ───────────────────────────────────────────────────────────────────────────────────

    def share(self, paper: Paper) -> pb.Share:
        return cards.share(paper, self._status(paper))

    def bond(self, paper: Paper) -> pb.Bond:
        return cards.bond(paper, self._status(paper), self._house.now_ns())

    def etf(self, paper: Paper) -> pb.Etf:
        return cards.etf(paper, self._status(paper))

    def currency(self, paper: Paper) -> pb.Currency:
        return cards.currency(paper, self._status(paper))

    def future(self, paper: Paper) -> pb.Future:
        return cards.future(paper, self._status(paper), self._margin(paper))

    def _status(self, paper: Paper) -> int:
        return self._house.trading_status(paper, self._house.now_ns())

    def _margin(self, paper: Paper) -> Decimal:
        """Initial margin of one contract."""
        instrument = self._house.exchange.instrument(paper.symbol)
        value = instrument.notional(Decimal(1), self._house.exchange.market(paper.symbol).mark)
        return (value * paper.margin_rate).quantize(Decimal("0.01"))

    # ── margins, payments ───────────────────────────────────────────────────────────────────────

    def futures_margin(
        self, asked: Asked, request: pb.GetFuturesMarginRequest
    ) -> pb.GetFuturesMarginResponse:
        paper = paper_of(self._house, request.instrument_id, request.figi)
        if paper.kind != "future":
            raise Refused(30041)
        margin = money(self._margin(paper))
        return pb.GetFuturesMarginResponse(
            initial_margin_on_buy=margin,
            initial_margin_on_sell=margin,
            min_price_increment=quotation(paper.tick),
            min_price_increment_amount=quotation(paper.tick_value),
        )

    def dividends(self, asked: Asked, request: pb.GetDividendsRequest) -> pb.GetDividendsResponse:
        paper = paper_of(self._house, request.instrument_id, request.figi)
        start_ns = nanoseconds(since(request)) or asked.now_ns
        end_ns = nanoseconds(request.to) or start_ns + 366 * DAY_NS
        rows = [
            pb.Dividend(
                dividend_net=money(one.amount, paper.currency),
                payment_date=stamp(one.payment_ns),
                declared_date=stamp(one.last_buy_ns - 30 * DAY_NS),
                last_buy_date=stamp(one.last_buy_ns),
                dividend_type="Regular Cash",
                record_date=stamp(one.record_ns),
                regularity="Annual",
                close_price=money(paper.price, paper.currency),
                yield_value=quotation(one.yield_percent),
                created_at=stamp(one.last_buy_ns - 40 * DAY_NS),
            )
            for one in dividends(paper, start_ns, end_ns)
        ]
        return pb.GetDividendsResponse(dividends=rows)

    def accrued(self, asked: Asked, request: pb.GetAccruedInterestsRequest) -> pb.GetAccruedInterestsResponse:
        paper = self._bond_of(request.instrument_id, request.figi)
        first = day_of(nanoseconds(since(request)) or asked.now_ns)
        last = day_of(nanoseconds(request.to) or asked.now_ns)
        rows = []
        for day in range(first, min(last, first + 365) + 1):
            value = paper.accrued(midnight_ns(day))
            rows.append(
                pb.AccruedInterest(
                    date=stamp(midnight_ns(day)),
                    value=quotation(value),
                    value_percent=quotation(value / NOMINAL * HUNDRED),
                    nominal=quotation(NOMINAL),
                )
            )
        return pb.GetAccruedInterestsResponse(accrued_interests=rows)

    def coupons(self, asked: Asked, request: pb.GetBondCouponsRequest) -> pb.GetBondCouponsResponse:
        paper = self._bond_of(request.instrument_id, request.figi)
        start_ns = nanoseconds(since(request)) or asked.now_ns
        end_ns = nanoseconds(request.to) or paper.expires_ns
        pay = (NOMINAL * paper.coupon * COUPON_DAYS / 36500).quantize(Decimal("0.01"))
        rows: list[pb.Coupon] = []
        at_ns = paper.expires_ns
        while at_ns >= start_ns and len(rows) < 100:
            if at_ns <= end_ns:
                rows.append(
                    pb.Coupon(
                        figi=paper.figi,
                        coupon_date=stamp(at_ns),
                        fix_date=stamp(at_ns - DAY_NS),
                        pay_one_bond=money(pay),
                        coupon_type=pb.COUPON_TYPE_CONSTANT,
                        coupon_start_date=stamp(at_ns - COUPON_DAYS * DAY_NS),
                        coupon_end_date=stamp(at_ns),
                        coupon_period=COUPON_DAYS,
                    )
                )
            at_ns -= COUPON_DAYS * DAY_NS
        return pb.GetBondCouponsResponse(events=rows[::-1])

    def _bond_of(self, instrument_id: str, figi: str) -> Paper:
        paper = paper_of(self._house, instrument_id, figi)
        if paper.kind != "bond":
            raise Refused(30048)
        return paper

    # ── hours ───────────────────────────────────────────────────────────────────────────────────

    def schedules(self, asked: Asked, request: pb.TradingSchedulesRequest) -> pb.TradingSchedulesResponse:
        """At most two weeks; the time of day in `from` and `to` is of no importance."""
        start_ns = nanoseconds(since(request)) or asked.now_ns
        end_ns = nanoseconds(request.to) or start_ns
        if end_ns < start_ns:
            raise Refused(30012)
        if end_ns - start_ns > SCHEDULE_DAYS_MAX * DAY_NS:
            raise Refused(30002)
        names = [name for name in SCHEDULES if name != "ALWAYS"]
        if request.exchange:
            if request.exchange.upper() not in (name.upper() for name in names):
                raise Refused(50001)
            names = [name for name in names if name.upper() == request.exchange.upper()]
        days = range(day_of(start_ns), day_of(end_ns) + 1)
        always = self._house.own.sessions == "always"
        rows = []
        for name in names:
            kept = "ALWAYS" if always and name != "moex_close" else name
            rows.append(pb.TradingSchedule(exchange=name, days=[_day(kept, day) for day in days]))
        return pb.TradingSchedulesResponse(exchanges=rows)


def since(request: Any) -> Timestamp:
    """Its `from`, a word that Python keeps for itself."""
    found: Timestamp = getattr(request, "from")
    return found


def _day(schedule: str, day: int) -> pb.TradingDay:
    spans = spans_of(schedule, day)
    trading = [span for span in spans if span.trading]
    # Dates are midnights in UTC.
    row = pb.TradingDay(date=stamp(day * DAY_NS), is_trading_day=bool(trading))
    if not trading:
        return row
    main = [span for span in trading if span.kind in ("main", "weekend")]
    row.start_time.CopyFrom(stamp(main[0].start_ns))
    row.end_time.CopyFrom(stamp(main[-1].end_ns))
    for span in spans:
        _part(row, span.kind, span.start_ns, span.end_ns, main[0].start_ns)
    for span in trading:
        found = row.intervals.add(type=f"regular_trading_session_{span.kind}")
        found.interval.start_ts.CopyFrom(stamp(span.start_ns))
        found.interval.end_ts.CopyFrom(stamp(span.end_ns))
    return row


def _part(row: pb.TradingDay, kind: str, start_ns: int, end_ns: int, main_ns: int) -> None:
    begin, end = stamp(start_ns), stamp(end_ns)
    if kind == "morning":
        row.premarket_start_time.CopyFrom(begin)
        row.premarket_end_time.CopyFrom(end)
    elif kind == "evening":
        row.evening_start_time.CopyFrom(begin)
        row.evening_end_time.CopyFrom(end)
    elif kind == "clearing" and not row.HasField("clearing_start_time"):
        row.clearing_start_time.CopyFrom(begin)
        row.clearing_end_time.CopyFrom(end)
    elif kind == "auction" and end_ns <= main_ns:
        row.opening_auction_start_time.CopyFrom(begin)
        row.opening_auction_end_time.CopyFrom(end)
    elif kind == "auction" and not row.HasField("closing_auction_start_time"):
        row.closing_auction_start_time.CopyFrom(begin)
        row.closing_auction_end_time.CopyFrom(end)
    elif kind == "auction":
        row.evening_opening_auction_start_time.CopyFrom(begin)
