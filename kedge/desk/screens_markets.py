"""Prices, scans and implied dividends as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from kedge.desk.markets import Answer, Implied, Scanned, shown_legs
from kedge.desk.scan.dividends import Dividend
from kedge.desk.scan.lines import LINES_MOST
from kedge.desk.scan.yields import Yield
from kedge.desk.screens import (
    SECOND_NS,
    Column,
    Look,
    Row,
    Screen,
    digits,
    listing,
    moment,
    name,
    number,
    place,
    signed,
    span,
    stack,
    state,
    table,
    word,
    words,
)
from kedge.model.instrument import symbol_of
from kedge.model.looks import QuoteLook
from kedge.model.numbers import text

_CENT = Decimal("0.01")
_PERCENT = Decimal(100)

QUOTES = (
    Column("market", ("symbol",), name),
    Column("bid", ("bid",), number, right=True),
    Column("qty", ("bid_qty",), number, right=True, wide=True),
    Column("ask", ("ask",), number, right=True),
    Column("qty", ("ask_qty",), number, right=True, wide=True),
    Column("last", ("last",), number, right=True),
    Column("mark", ("mark",), number, right=True, wide=True),
    Column("funding %", ("funding",), signed, right=True),
    Column("paid", ("paid",), word, wide=True),
    Column("", ("state",), state),
    Column("opens", ("opens",), word),
)

SCAN = (
    Column("near", ("near",), name),
    Column("far", ("far",), name),
    Column("% a year", ("yearly",), signed, right=True),
    Column("margin", ("margin",), number, right=True),
    Column("profit", ("profit",), signed, right=True),
    Column("funding", ("funding",), signed, right=True, wide=True),
    Column("in", ("settle",), word, wide=True),
    Column("delta", ("delta",), number, right=True),
    Column("ratio", ("ratio",), number, right=True, wide=True),
    Column("days", ("days",), number, right=True),
    Column("", ("turned",), words),
)

DIVIDENDS = (
    Column("sell", ("sell",), name),
    Column("buy", ("buy",), name),
    Column("dividend", ("dividend",), number, right=True),
    Column("in", ("settle",), word, wide=True),
    Column("%", ("yield",), signed, right=True),
    Column("price", ("price",), number, right=True),
    Column("ratio", ("ratio",), number, right=True, wide=True),
    Column("days", ("days",), number, right=True),
    Column("", ("barred",), words),
)


INSTRUMENTS = (
    Column("market", ("symbol",), place),
    Column("name", ("name",), words),
    Column("kind", ("kind",), word),
    Column("of", ("asset",), word, wide=True),
    Column("in", ("settle",), word),
    Column("tick", ("tick",), number, right=True),
    Column("lot", ("least",), number, right=True),
    Column("margin", ("margin",), number, right=True),
    Column("nominal", ("face",), number, right=True, wide=True),
    Column("expires", ("expires",), word),
    Column("", ("barred",), words),
)


def instruments_screen(rows: Sequence[Row], look: Look) -> Screen:
    several = len(dict.fromkeys(row["account"] for row in rows)) > 1
    shown = [_instrument(row, several, look) for row in rows]
    return listing("instruments", shown, INSTRUMENTS, look, data=rows)


def answer_screen(answer: Answer, look: Look) -> Screen:
    if isinstance(answer, Scanned):
        return scan_screen(answer, look)
    if isinstance(answer, Implied):
        return dividends_screen(answer, look)
    return quotes_screen(answer, look)


def quotes_screen(looks: Sequence[QuoteLook], look: Look) -> Screen:
    rows = [_quote(one, look) for one in looks]

    def draw(width: int) -> RenderableType:
        if not rows:
            return Text("no prices", "dim")
        return stack(table(rows, QUOTES, width, look), _aged(max(one.age_ns for one in looks)))

    return Screen(looks, draw)


def scan_screen(found: Scanned, look: Look) -> Screen:
    """At most as many lines as a message may have."""
    best = (found.best,) if found.best is not None else ()
    shown = found.rows[:LINES_MOST] or best
    rows = [_yield(row, legs) for row, legs in zip(shown, shown_legs(shown), strict=True)]

    def draw(width: int) -> RenderableType:
        rate = text(found.rate_pct)
        told = f"{found.found} of {found.pairs} pairs yield more than {rate} % a year on the margin"
        left = ", ".join(f"{count} {why}" for why, count in sorted(found.left_out.items()))
        return stack(
            table(rows, SCAN, width, look) if rows else None,
            _foot(told, len(rows), found.found),
            Text(f"not reckoned: {left}", "dim") if left else None,
            *_said(found.said),
            _aged(found.age_ns),
        )

    return Screen(found, draw)


def dividends_screen(found: Implied, look: Look) -> Screen:
    shown = found.rows[:LINES_MOST]
    rows = [_dividend(row, legs) for row, legs in zip(shown, shown_legs(shown), strict=True)]

    def draw(width: int) -> RenderableType:
        least, interest = text(found.threshold_pct), text(found.interest_pct)
        told = f"{found.found} pairs imply a dividend of {least} % or more, at {interest} % interest a year"
        return stack(
            table(rows, DIVIDENDS, width, look) if rows else None,
            _foot(told, len(rows), found.found),
            *_said(found.said),
            _aged(found.age_ns),
        )

    return Screen(found, draw)


# ── rows ────────────────────────────────────────────────────────────────────────────────────────


def _instrument(row: Row, several: bool, look: Look) -> Row:
    """`margin` is the one of buying, and that of selling behind it where they differ."""
    margins = [digits(row[side]) for side in ("buy_margin", "sell_margin") if Decimal(str(row[side]))]
    symbol, account = row["symbol"], row["account"]
    return {
        **row,
        "symbol": f"{symbol}\n{account}" if several else symbol,
        "least": row["lot"] if Decimal(str(row["lot"])) != 1 else row["qty_step"],
        "margin": margins[0] if len(dict.fromkeys(margins)) == 1 else "/".join(margins),
        "face": row["nominal"] if Decimal(str(row["nominal"])) else "",
        "expires": moment(row["expires_ns"], look, True)[:10] if row["expires_ns"] else "",
        "barred": _barred(row),
    }


def _barred(row: Row) -> str:
    if not row["listed"]:
        return "no longer listed"
    if row["status"] != "trading":
        return str(row["status"])
    barred = {"can_buy": "no buying", "can_sell": "no selling", "can_short": "no short selling"}
    return ", ".join(words for name, words in barred.items() if not row[name])


def _quote(one: QuoteLook, look: Look) -> Row:
    paid = moment(one.funding_ns, look, False).rpartition(".")[0] if one.funding_ns else ""
    every = f" every {one.funding_s // 3600} h" if one.funding_s else ""
    prices = {name: value for name, value in _prices(one).items() if value}
    return {
        "symbol": symbol_of(one.market),
        **prices,
        "funding": text((one.funding_rate * _PERCENT).normalize()) if one.funding_ns else "",
        "paid": f"{paid}{every}" if paid else "",
        "state": "" if one.open else "closed",
        "opens": moment(one.opens_ns, look, False).rpartition(".")[0] if one.opens_ns else "",
    }


def _prices(one: QuoteLook) -> dict[str, Decimal]:
    sides = {"bid": one.bid, "bid_qty": one.bid_qty, "ask": one.ask, "ask_qty": one.ask_qty}
    return {**sides, "last": one.last, "mark": one.mark}


def _yield(row: Yield, legs: tuple[str, str]) -> Row:
    return {
        "near": legs[0],
        "far": legs[1],
        "yearly": f"{row.yearly_pct:.2f}",
        "margin": _cents(row.margin),
        "profit": _cents(row.profit),
        "funding": _cents(row.funding) if row.funding else "",
        "settle": row.settle,
        "delta": digits(row.delta),
        "ratio": digits(row.ratio),
        "days": row.days,
        "turned": "far bought" if row.side == "buy" else "",
    }


def _dividend(row: Dividend, legs: tuple[str, str]) -> Row:
    return {
        "sell": legs[0],
        "buy": legs[1],
        "dividend": _cents(row.dividend),
        "settle": row.settle,
        "yield": f"{row.yield_pct:.2f}",
        "price": digits(row.price),
        "ratio": digits(row.ratio),
        "days": row.days,
        "barred": "" if row.can_trade else "cannot be traded",
    }


def _cents(value: Decimal) -> str:
    return text(value.quantize(_CENT, ROUND_HALF_UP))


# ── below the rows ──────────────────────────────────────────────────────────────────────────────


def _foot(told: str, shown: int, found: int) -> Text:
    more = (
        f"; the best {shown} are shown" if shown < found else "; the best is shown" if shown > found else ""
    )
    return Text(told + more)


def _said(said: Sequence[str]) -> list[Any]:
    return [words(one) for one in said]


def _aged(age_ns: int) -> Text | None:
    return Text(f"prices of {span(age_ns)} ago", "dim") if age_ns >= SECOND_NS else None
