"""Numbers and times as the protocol writes them, and back: units and billionths, seconds and nanoseconds.

Both parts of a number have its sign: minus a half is no units and minus 500 000 000 billionths.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import Protocol

from google.protobuf.timestamp_pb2 import Timestamp

from kedge.protos.tinvest import common_pb2 as common

BILLION = 10**9
NANO = Decimal("1e-9")
RUB = "rub"


class Parts(Protocol):
    """A Quotation or a MoneyValue."""

    @property
    def units(self) -> int: ...

    @property
    def nano(self) -> int: ...


def quotation(value: Decimal) -> common.Quotation:
    units, nano = _split(value)
    return common.Quotation(units=units, nano=nano)


def money(value: Decimal, currency: str = RUB) -> common.MoneyValue:
    units, nano = _split(value)
    return common.MoneyValue(currency=currency, units=units, nano=nano)


def number(parts: Parts) -> Decimal:
    return Decimal(parts.units) + Decimal(parts.nano) * NANO


def stamp(at_ns: int) -> Timestamp:
    return Timestamp(seconds=at_ns // BILLION, nanos=at_ns % BILLION)


def nanoseconds(time: Timestamp) -> int:
    return time.seconds * BILLION + time.nanos


def _split(value: Decimal) -> tuple[int, int]:
    """What is finer than a billionth is rounded: averages are."""
    whole = int(value.quantize(NANO, ROUND_HALF_EVEN).scaleb(9))
    sign = -1 if whole < 0 else 1
    units, nano = divmod(abs(whole), BILLION)
    return sign * units, sign * nano
