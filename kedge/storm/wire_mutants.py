"""Planted faults of adapters: careless code at the wire. Each must be caught by a wire storm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from kedge.model.events import Answered, Event, FillNews, LinkUp
from kedge.model.numbers import ZERO
from kedge.model.venue import AccountReport, Answer, Fill, PlaceOrder
from kedge.storm.mutants import Mutant, Patch
from kedge.storm.wire_harbour import WatchedVenue
from kedge.venues.binance import errors as binance_errors
from kedge.venues.binance.spot import deeds as spot_deeds
from kedge.venues.binance.spot import us as spot_us
from kedge.venues.binance.usdm import asking as usdm_asking
from kedge.venues.binance.usdm import mends as usdm_mends
from kedge.venues.binance.usdm.hearing import Hearing
from kedge.venues.books import Books, Change
from kedge.venues.bybit import sign as bybit_sign
from kedge.venues.bybit import trade as bybit_trade
from kedge.venues.venue import Emit

LONG_MS = 30_000


# ── books ───────────────────────────────────────────────────────────────────────────────────────


def _gap_ignored() -> Sequence[Patch]:
    """Whatever comes is taken for the next change."""

    def follows(seq: int, change: Change, fresh: bool) -> str:
        return "apply"

    def change(self: Books, symbol: str, change: Change, old: Any = Books.change) -> None:
        self._follows = follows  # type: ignore[assignment]
        old(self, symbol, change)

    return [(Books, "change", change)]


def _stale_is_fresh() -> Sequence[Patch]:
    """Books are never too old, and a lost connection loses none of them."""

    def nothing(self: Books, *anything: Any) -> None:
        return None

    def alive(self: Books) -> None:
        self.retell()

    return [(Books, "check", alive), (Books, "lose_all", nothing), (Books, "_tell_lost", nothing)]


# ── outcomes ────────────────────────────────────────────────────────────────────────────────────


def _trust_5xx() -> Sequence[Patch]:
    """An error is an error: what was answered with one did not happen."""

    def answer_of(failure: Any, *, busy_is_no: bool = False) -> Answer:
        return Answer.REJECTED

    def place(self: WatchedVenue, order: PlaceOrder) -> Any:
        return _refused_if_unknown(old(self, order))

    old = WatchedVenue.place
    return [
        (binance_errors, "answer_of", answer_of),
        (spot_deeds, "answer_of", answer_of),
        (usdm_mends, "answer_of", answer_of),
        (WatchedVenue, "place", place),
    ]


async def _refused_if_unknown(work: Any) -> Answered:
    answered: Answered = await work
    return replace(answered, answer=Answer.REJECTED) if answered.answer is Answer.UNKNOWN else answered


def _resend_id() -> Sequence[Patch]:
    """No answer: the same request again, under the same id."""
    old = WatchedVenue.place

    async def place(self: WatchedVenue, order: PlaceOrder) -> Answered:
        answered = await old(self, order)
        if answered.answer is Answer.UNKNOWN:
            answered = await self._inner.place(order)
        return answered

    return [(WatchedVenue, "place", place)]


def _window_ignored() -> Sequence[Patch]:
    """Requests carry the longest window there is, not their own last moment."""

    def binance(now_ns: int, valid_until_ns: int, skew_ns: int) -> tuple[int, int]:
        return (now_ns + skew_ns) // 1_000_000, 60_000

    def bybit(now_ns: int, valid_until_ns: int) -> tuple[int, int]:
        return now_ns // 1_000_000, LONG_MS

    return [
        (spot_us, "window", binance),
        (usdm_asking, "window", binance),
        (bybit_sign, "window_ms", bybit),
        (bybit_trade, "window_ms", bybit),
    ]


def _not_found_at_once() -> Sequence[Patch]:
    """The rules say that nothing is ever late or hidden."""

    async def open(self: WatchedVenue, emit: Emit) -> None:
        def say(event: Event) -> None:
            if isinstance(event, LinkUp):
                rules = replace(event.rules, visibility_ns=0, skew_ns=0, request_window_ns=300_000_000)
                event = replace(event, rules=rules)
            emit(event)

        await self._inner.open(say)

    return [(WatchedVenue, "open", open)]


# ── fills ───────────────────────────────────────────────────────────────────────────────────────


def _in_reports(change: Callable[[AccountReport], AccountReport]) -> Sequence[Patch]:
    old = WatchedVenue.report

    async def report(self: WatchedVenue, cursor: str) -> AccountReport | str:
        found = await old(self, cursor)
        return found if isinstance(found, str) else change(found)

    return [(WatchedVenue, "report", report)]


def _report_without_fills() -> Sequence[Patch]:
    """Fills come from the stream; who would miss one?"""
    return _in_reports(lambda report: replace(report, fills=()))


def _report_first_fill() -> Sequence[Patch]:
    """Only the first page is read, and a page is short."""
    return _in_reports(lambda report: replace(report, fills=report.fills[:1]))


def _fills_by_another_name() -> Sequence[Patch]:
    """The report names executions otherwise than the stream does."""

    def named(fill: Fill) -> Fill:
        return replace(fill, exec_id=f"r{fill.exec_id}")

    return _in_reports(lambda report: replace(report, fills=tuple(map(named, report.fills))))


def _nameless_fills() -> Sequence[Patch]:
    """Whose order it was is not looked up."""

    def nameless(fill: Fill) -> Fill:
        return replace(fill, client_id="", venue_id="")

    return _in_reports(lambda report: replace(report, fills=tuple(map(nameless, report.fills))))


def _fee_is_income() -> Sequence[Patch]:
    def flipped(fill: Fill) -> Fill:
        return replace(fill, fee=-fill.fee)

    return _in_reports(lambda report: replace(report, fills=tuple(map(flipped, report.fills))))


def _lite_counted() -> Sequence[Patch]:
    """The quick word of a trade is booked beside the trade itself."""
    old = Hearing._announce

    def announce(self: Hearing, t: Any, now_ns: int) -> None:
        old(self, t, now_ns)

    def hear(self: Hearing, frame: Any, now_ns: int, before: Any = Hearing.hear) -> Any:
        heard = before(self, frame, now_ns)
        doubled = [
            FillNews(event.account, replace(event.fill, exec_id=f"lite-{event.fill.exec_id}", fee=ZERO))
            for event in heard.events
            if isinstance(event, FillNews)
        ]
        heard.events.extend(doubled)
        return heard

    return [(Hearing, "_announce", announce), (Hearing, "hear", hear)]


# ── changes ─────────────────────────────────────────────────────────────────────────────────────


def _amend_adds() -> Sequence[Patch]:
    """An amended quantity is sent as if it were what is left."""
    old = WatchedVenue.amend

    async def amend(
        self: WatchedVenue, client_id: str, symbol: str, price: Decimal, qty: Decimal, valid_until_ns: int
    ) -> Answered:
        return await old(self, client_id, symbol, price, qty * 2, valid_until_ns)

    return [(WatchedVenue, "amend", amend)]


WIRE_MUTANTS: tuple[Mutant, ...] = (
    Mutant("gap-ignored", "a change that does not follow is applied all the same", _gap_ignored),
    Mutant("stale-is-fresh", "a book is believed however old it is", _stale_is_fresh),
    Mutant("trust-5xx", "an error is taken for a refusal", _trust_5xx),
    Mutant("resend-id", "an unanswered order is sent again under its id", _resend_id),
    Mutant("window-ignored", "requests have no last moment at the venue", _window_ignored),
    Mutant("not-found-at-once", "the bounds of late execution are taken for nothing", _not_found_at_once),
    Mutant("report-without-fills", "fills are taken from the stream alone", _report_without_fills),
    Mutant("report-first-fill", "one page of fills is read", _report_first_fill),
    Mutant("fills-by-another-name", "stream and report name a fill differently", _fills_by_another_name),
    Mutant("nameless-fills", "fills are not tied to their orders", _nameless_fills),
    Mutant("fee-is-income", "the sign of fees is turned round", _fee_is_income),
    Mutant("lite-counted", "TRADE_LITE is booked beside ORDER_TRADE_UPDATE", _lite_counted),
    Mutant("amend-adds", "an amend means another quantity than was meant", _amend_adds),
)
