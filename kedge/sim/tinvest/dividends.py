"""Dividends: once a year in July, so much of the price; the calendar is made from the ticker."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from msgspec import Struct

from kedge.model.numbers import HUNDRED
from kedge.sim.tinvest.board import Paper, board
from kedge.sim.tinvest.calendar import DAY_NS, date_of, day_of


class Dividend(Struct, frozen=True):
    """`last_buy` is the last day on which a buyer gets it."""

    amount: Decimal
    yield_percent: Decimal
    last_buy_ns: int
    record_ns: int
    payment_ns: int


def dividends(paper: Paper, start_ns: int, end_ns: int) -> tuple[Dividend, ...]:
    """Those whose record day is in between."""
    if not paper.dividend:
        return ()
    found = []
    for year in range(date_of(day_of(start_ns)).year, date_of(day_of(end_ns)).year + 1):
        record = date(year, 7, 3 + int(paper.uid[:4], 16) % 20)
        record_ns = (record - date(1970, 1, 1)).days * DAY_NS
        if start_ns <= record_ns <= end_ns:
            amount = (paper.price * paper.dividend / HUNDRED).quantize(Decimal("0.0001"))
            last_buy_ns = record_ns - DAY_NS * (1 if record.weekday() else 3)
            payment = record + timedelta(days=14)
            payment_ns = (payment - date(1970, 1, 1)).days * DAY_NS
            found.append(Dividend(amount, paper.dividend, last_buy_ns, record_ns, payment_ns))
    return tuple(found)


@lru_cache(4096)
def _share(ticker: str) -> Paper | None:
    return next((one for one in board(0) if one.kind == "share" and one.ticker == ticker), None)


def until_share(ticker: str, now_ns: int, end_ns: int) -> float:
    """What part of a share's price is paid out as dividends until then."""
    paper = _share(ticker) if ticker else None
    if paper is None or end_ns <= now_ns:
        return 0.0
    return _part(paper.ticker, day_of(now_ns), day_of(end_ns))


@lru_cache(65536)
def _part(ticker: str, first: int, last: int) -> float:
    paper = _share(ticker)
    assert paper is not None
    found = dividends(paper, first * DAY_NS, last * DAY_NS)
    return sum(float(one.yield_percent) for one in found) / 100.0
