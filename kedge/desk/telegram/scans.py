"""/scan, /dscan and /quotes: what futures yield, the dividends they imply, and prices now, on a phone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from kedge.desk import commands, markets
from kedge.desk.commands import Deed, WordsWrong
from kedge.desk.markets import Implied, Read, Scanned, shown_legs
from kedge.desk.scan.dividends import Dividend
from kedge.desk.scan.lines import LINES_MOST
from kedge.desk.scan.yields import Yield
from kedge.desk.screens import SECOND_NS, span
from kedge.desk.telegram import asks
from kedge.desk.telegram.asks import Typed
from kedge.desk.telegram.phone import Answer, card, clean
from kedge.desk.telegram.tongue import Tongue
from kedge.desk.telegram.views import Eyes
from kedge.model.instrument import symbol_of
from kedge.model.looks import QuoteLook
from kedge.model.numbers import text

_CENT = Decimal("0.01")


async def said(typed: Typed, read: Read, eyes: Eyes) -> Answer:
    """Of a word that is called as its deed is. Raises `Mistyped`, `Refused`, `DeskAway`."""
    deed = commands.BY_NAME[typed.word.name]
    assert deed.spoken is not None, deed.name
    try:
        given = deed.spoken(typed.args)
    except WordsWrong:
        raise asks.wrong(typed.word, eyes.say) from None
    return await answer(deed, given, read, eyes)


async def answer(deed: Deed, args: Mapping[str, Any], read: Read, eyes: Eyes) -> Answer:
    found = await markets.answer(deed.call, read, args)
    if isinstance(found, Scanned):
        return scan(found, eyes)
    if isinstance(found, Implied):
        return dividends(found, eyes)
    return quotes(found, eyes)


def scan(found: Scanned, eyes: Eyes) -> Answer:
    say = eyes.say
    head = say(
        "{found} of {pairs} pairs yield more than {rate} % a year.",
        found=found.found,
        pairs=found.pairs,
        rate=text(found.rate_pct),
    )
    best = (found.best,) if found.best is not None else ()
    if best and not found.rows:
        head += "\n" + say("The best of them:")
    rows = found.rows[:LINES_MOST] or best
    blocks = [_pair(row, legs, say) for row, legs in zip(rows, shown_legs(rows), strict=True)]
    return _with(head, blocks, found.found, found.said, found.age_ns, say)


def dividends(found: Implied, eyes: Eyes) -> Answer:
    say = eyes.say
    head = say(
        "{found} pairs imply a dividend of {least} % or more, at {rate} % interest a year.",
        found=found.found,
        least=text(found.threshold_pct),
        rate=text(found.interest_pct),
    )
    rows = found.rows[:LINES_MOST]
    blocks = [_dividend(row, legs, say) for row, legs in zip(rows, shown_legs(rows), strict=True)]
    return _with(head, blocks, found.found, found.said, found.age_ns, say)


def quotes(found: Sequence[QuoteLook], eyes: Eyes) -> Answer:
    say = eyes.say
    blocks = tuple(_quote(one, eyes) for one in found)
    return Answer(say("{count} prices", count=len(found)), blocks)


# ── parts ───────────────────────────────────────────────────────────────────────────────────────


def _with(
    head: str, blocks: list[str], found: int, remarks: Sequence[str], age_ns: int, say: Tongue
) -> Answer:
    lines = [head, *(f"! {clean(one)}" for one in remarks)]
    if age_ns >= SECOND_NS:
        lines.append(say("prices of {time} ago", time=span(age_ns)))
    if len(blocks) < found:
        blocks = [*blocks, say("... and {count} more", count=found - len(blocks))]
    return Answer("\n".join(lines), tuple(blocks))


def _pair(row: Yield, legs: tuple[str, str], say: Tongue) -> str:
    yields = say("{yearly} %, {days} days", yearly=f"{row.yearly_pct:.2f}", days=row.days)
    sums = say("margin {margin}, delta {delta}", margin=_cents(row.margin), delta=text(row.delta))
    funding = say("funding {amount}", amount=_cents(row.funding)) if row.funding else ""
    turned = say("the far leg is bought") if row.side == "buy" else ""
    return card(" - ".join(legs), yields, sums, funding, turned)


def _dividend(row: Dividend, legs: tuple[str, str], say: Tongue) -> str:
    yields = say("{yearly} %, {days} days", yearly=f"{row.yield_pct:.2f}", days=row.days)
    sums = say("dividend {amount}, price {price}", amount=_cents(row.dividend), price=text(row.price))
    barred = "" if row.can_trade else say("cannot be traded")
    return card(" - ".join(legs), yields, sums, barred)


def _quote(one: QuoteLook, eyes: Eyes) -> str:
    say = eyes.say
    prices = f"{text(one.bid) if one.bid else '–'} / {text(one.ask) if one.ask else '–'}"
    last = say("last {price}", price=text(one.last)) if one.last else ""
    rate = text((one.funding_rate * 100).normalize())
    funding = say("funding {amount}", amount=f"{rate} %") if one.funding_ns else ""
    opens = say("opens {time}", time=eyes.when(one.opens_ns)) if one.opens_ns else say("closed")
    return card(symbol_of(one.market), prices, last, funding, "" if one.open else opens)


def _cents(value: Decimal) -> str:
    return text(value.quantize(_CENT, ROUND_HALF_UP))
