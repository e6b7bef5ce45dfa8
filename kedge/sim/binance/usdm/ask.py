"""One request whose sender is known, as every handler gets it; and the small rules of reading its pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from msgspec import Struct

from kedge.sim.binance.usdm.codes import invalid, no
from kedge.sim.binance.usdm.facts import DAY_NS
from kedge.sim.binance.usdm.listings import MS
from kedge.sim.binance.usdm.names import Named
from kedge.sim.binance.usdm.wishes import integer_in

T = TypeVar("T")
WEEK_NS = 7 * DAY_NS


class Ask(Struct, frozen=True):
    """`until_ns`: when the request is no longer valid. `socket`: it came over the WebSocket API."""

    params: Named
    now_ns: int
    peer: str
    account: str = ""
    key: str = ""
    until_ns: int = 0
    socket: bool = False


class Span(Struct, frozen=True):
    """The stretch of time that is asked for. `first`: of more than fit, the oldest."""

    start_ns: int
    end_ns: int
    first: bool


def limit_in(params: Named, default: int, most: int) -> int:
    limit = integer_in(params, "limit")
    if limit is None:
        return default
    if limit < 1:
        raise invalid("limit")
    return min(limit, most)


def time_in(params: Named, name: str) -> int | None:
    stamp = integer_in(params, name)
    if stamp is None:
        return None
    if stamp < 0:
        raise invalid(name)
    return stamp * MS


def span_in(params: Named, now_ns: int, most_ns: int = WEEK_NS) -> Span:
    """Without times the last week; with one of them the week that begins or ends there."""
    start, end = time_in(params, "startTime"), time_in(params, "endTime")
    if start is not None and end is not None:
        if start > end:
            raise no(-1023)
        if end - start > most_ns:
            raise no(-4165)
    if start is not None:
        # To the end of the last millisecond: times are told in whole ones.
        return Span(start, (end if end is not None else start + most_ns) + MS - 1, True)
    last = end if end is not None else now_ns
    return Span(max(last - most_ns, 0), last + MS - 1, False)


def page(rows: Sequence[T], limit: int, *, first: bool) -> Sequence[T]:
    return rows[:limit] if first else rows[max(len(rows) - limit, 0) :]
