"""Scans and spreads as lines of a message, and the number that people give with them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal

from kedge.desk.scan.dividends import Dividend
from kedge.desk.scan.yields import Scan, Yield
from kedge.model.instrument import symbol_of
from kedge.model.numbers import BadNumber, exact, text

LINES_MOST = 70
_CENT = Decimal("0.01")


def rate_from(written: str) -> Decimal:
    """`7.5`, `7,5` or `18%`. Raises `BadNumber` with one sentence."""
    number = exact(written.strip().removesuffix("%").strip().replace(",", "."))
    if not -100 < number < 10_000:
        raise BadNumber(f"{written!r} is no yearly rate in per cent; write it like 7.5")
    return number


def scan_lines(found: Scan, most: int = LINES_MOST) -> list[str]:
    """The best pairs, at most so many; the last line says what is not shown."""
    return _cut([_yield(row) for row in found.rows], most, "no pair yields more")


def dividend_lines(rows: Sequence[Dividend], most: int) -> list[str]:
    return _cut([_dividend(row) for row in rows], min(most, LINES_MOST), "no future implies a dividend")


def _yield(row: Yield) -> str:
    legs = f"{symbol_of(row.near)} - {symbol_of(row.far)}"
    turned = ", far bought" if row.side == "buy" else ""
    funding = f", funding = {_money(row.funding)}" if row.funding else ""
    days = f"{row.days} days" if row.days != 1 else "1 day"
    return (
        f"{legs}: M = {_money(row.margin)}, %={row.yearly_pct:.2f}, delta = {text(row.delta)}"
        f"{funding}, {days}{turned}"
    )


def _dividend(row: Dividend) -> str:
    barred = "" if row.can_trade else ", cannot be traded"
    return (
        f"{symbol_of(row.sell)} - {symbol_of(row.buy)}: dividend = {_money(row.dividend)},"
        f" %={row.yield_pct:.2f}, price = {text(row.price)}, {row.days} days{barred}"
    )


def _cut(lines: list[str], most: int, none: str) -> list[str]:
    if not lines:
        return [none]
    if len(lines) <= most:
        return lines
    return [*lines[: most - 1], f"... and {len(lines) - most + 1} more"]


def _money(value: Decimal) -> str:
    return text(value.quantize(_CENT, ROUND_HALF_UP))
