"""What a client asked for: a raw query or a raw JSON body, read strictly, with Bybit's words for what is not.

Bybit's types are strict: prices and quantities are texts, flags are booleans, a few are integers. `null` is
the same as nothing. Whatever is wrong is raised as `Refused` and becomes an answer at the door.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import msgspec

from kedge.model.numbers import ZERO, BadNumber, exact
from kedge.sim.bybit import codes
from kedge.sim.bybit.codes import No

_decoder = msgspec.json.Decoder()
DAY_MS = 86_400_000


class Refused(Exception):
    """The request is answered with this No."""

    def __init__(self, no: No) -> None:
        super().__init__(no.text)
        self.no = no


class Params:
    """One request's parameters, or one order's within a batch."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.values = values

    def text(self, name: str, default: str = "") -> str:
        value = self.values.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise Refused(codes.bad(f"{name} is a text"))
        return value

    def need(self, name: str) -> str:
        value = self.text(name)
        if not value:
            raise Refused(codes.bad(f"{name} is required"))
        return value

    def choice(self, name: str, among: tuple[str, ...], default: str = "") -> str:
        value = self.text(name, default)
        if value not in among:
            raise Refused(codes.bad(f"{name} invalid"))
        return value

    def whole(self, name: str, default: int = 0, least: int = 0, most: int = 1 << 53) -> int:
        value = self.values.get(name)
        if value is None or value == "":
            return default
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 17:
            value = int(value)  # a query has only texts
        if isinstance(value, bool) or not isinstance(value, int):
            raise Refused(codes.bad(f"{name} is an integer"))
        if not least <= value <= most:
            raise Refused(codes.bad(f"{name} must be from {least} to {most}"))
        return value

    def flag(self, name: str) -> bool:
        value = self.values.get(name)
        if value is None:
            return False
        if not isinstance(value, bool):
            raise Refused(codes.bad(f"{name} is true or false"))
        return value

    def amount(self, name: str) -> Decimal:
        """A number written as text; zero when it is left out. Never negative."""
        written = self.text(name)
        if not written:
            return ZERO
        try:
            value = exact(written)
        except BadNumber:
            raise Refused(codes.bad(f"{name} invalid")) from None
        exponent = value.as_tuple().exponent
        if value < 0 or not isinstance(exponent, int) or exponent < -18 or "e" in written.lower():
            raise Refused(codes.bad(f"{name} invalid"))
        return value

    def category(self) -> str:
        value = self.need("category")
        if value not in codes.CATEGORIES:
            raise Refused(codes.bad("Illegal category"))
        return value

    def limit(self, default: int, most: int) -> int:
        return self.whole("limit", default, 1, most)

    def span(self, now_ms: int, days_default: int, days_most: int) -> tuple[int, int]:
        """From and to, both included, in milliseconds, by the venue's rule for windows of time."""
        start, end = self.whole("startTime", -1, -1), self.whole("endTime", -1, -1)
        default = days_default * DAY_MS
        if start < 0 and end < 0:
            return now_ms - default, now_ms
        if end < 0:
            return start, start + default
        if start < 0:
            return end - default, end
        if end < start:
            raise Refused(codes.bad("startTime is after endTime"))
        if end - start > days_most * DAY_MS:
            raise Refused(codes.bad(f"the time between startTime and endTime is at most {days_most} days"))
        return start, end

    def many(self, name: str) -> list[Params]:
        value = self.values.get(name)
        if not isinstance(value, list) or not value:
            raise Refused(codes.bad(f"{name} is a list with something in it"))
        if not all(isinstance(one, dict) for one in value):
            raise Refused(codes.bad(f"{name} is a list of objects"))
        return [Params(one) for one in value]


def of_query(query: str) -> Params:
    """`a=1&b=2`, unescaped; the last of two equal names counts."""
    values: dict[str, Any] = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if name and value:
            values[unquote(name)] = unquote(value)
    return Params(values)


def of_body(body: bytes) -> Params:
    try:
        values = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Refused(codes.No(10001, "Request parameter error.")) from None
    if not isinstance(values, dict):
        raise Refused(codes.No(10001, "Request parameter error."))
    return Params(values)
