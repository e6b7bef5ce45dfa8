"""The deeds that look at markets: what is listed, prices now, scans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from msgspec import Meta, Struct

from kedge.desk.deed import Deed, WordsWrong
from kedge.desk.scan.dividends import INTEREST_PCT, LINES, THRESHOLD_PCT
from kedge.desk.scan.lines import LINES_MOST, rate_from
from kedge.desk.scan.yields import RATE
from kedge.model.numbers import BadNumber

ROWS_MAX = 1000

Asset = Annotated[str, Meta(max_length=64, description="Only futures on this, like SBER or BTC.")]
OfAccount = Annotated[str, Meta(description="Only this account's, like paper/main.")]


class _Ask(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class InstrumentsAsk(_Ask, frozen=True):
    account: OfAccount = ""
    kind: Annotated[str, Meta(description="Only spot, linear, inverse, bond or points.")] = ""
    state: Annotated[str, Meta(description="Only active or inactive ones.")] = ""
    text: Annotated[str, Meta(max_length=200, description="Only rows with these letters in them.")] = ""
    sort: Annotated[str, Meta(description="market, kind, base, expires, ...; - before it: downwards.")] = (
        "market"
    )
    limit: Annotated[int, Meta(ge=1, le=ROWS_MAX, description="At most so many.")] = 200
    offset: Annotated[int, Meta(ge=0, le=10_000_000, description="Leave out so many first.")] = 0


class QuotesAsk(_Ask, frozen=True):
    account: Annotated[str, Meta(min_length=1, description="The account, like paper/main.")]
    symbols: Annotated[
        str, Meta(max_length=100_000, description="Of these, with commas between; empty: of all it lists.")
    ] = ""


class ScanAsk(_Ask, frozen=True):
    rate: Annotated[
        str, Meta(max_length=20, description="Yearly yield in per cent that a pair must beat.")
    ] = str(RATE)
    asset: Asset = ""
    account: OfAccount = ""
    limit: Annotated[int, Meta(ge=1, le=ROWS_MAX, description="At most so many, the best.")] = LINES_MOST


class DividendsAsk(_Ask, frozen=True):
    limit: Annotated[int, Meta(ge=1, le=ROWS_MAX, description="At most so many, the best.")] = LINES
    rate: Annotated[str, Meta(max_length=20, description="Yearly interest rate in per cent.")] = str(
        INTEREST_PCT
    )
    threshold: Annotated[
        str, Meta(max_length=20, description="Only dividends of at least so many per cent.")
    ] = str(THRESHOLD_PCT)
    asset: Asset = ""
    account: OfAccount = ""


# ── as people say it ────────────────────────────────────────────────────────────────────────────


def quotes_words(words: Sequence[str]) -> dict[str, Any]:
    """`paper/main BTC-PERP ETH-PERP`."""
    if not words:
        raise WordsWrong
    return {"account": words[0], "symbols": ",".join(words[1:])}


def instruments_words(words: Sequence[str]) -> dict[str, Any]:
    """`SBER`: the letters to look for."""
    return {"text": " ".join(words)} if words else {}


def scan_words(words: Sequence[str]) -> dict[str, Any]:
    """`7.5`, `SBER`, or both."""
    words = [word for word in words if word != "%"]
    rates = [word for word in words if _is_rate(word)]
    others = [word for word in words if not _is_rate(word)]
    if len(rates) > 1 or len(others) > 1 or any(word[:1].isdigit() for word in others):
        raise WordsWrong
    made = {"rate": rates[0]} if rates else {}
    return {**made, "asset": others[0]} if others else made


def dividends_words(words: Sequence[str]) -> dict[str, Any]:
    """`50`: how many."""
    counts = [word for word in words if word.isascii() and word.isdigit()]
    others = [word for word in words if word not in counts]
    if len(counts) > 1 or len(others) > 1 or not all(1 <= int(word) <= ROWS_MAX for word in counts):
        raise WordsWrong
    made: dict[str, Any] = {"limit": int(counts[0])} if counts else {}
    return {**made, "asset": others[0]} if others else made


def _is_rate(word: str) -> bool:
    try:
        rate_from(word)
    except BadNumber:
        return False
    return True


# ── the deeds ───────────────────────────────────────────────────────────────────────────────────

MARKET_DEEDS: tuple[Deed, ...] = (
    Deed(
        "instruments",
        "What the accounts list: margins, lots, expiries, and whether it trades.",
        InstrumentsAsk,
        read="instruments",
        spoken=instruments_words,
        form="[letters]",
    ),
    Deed(
        "quotes",
        "Best prices now, asked of the venue, with funding.",
        QuotesAsk,
        call="quotes",
        spoken=quotes_words,
        form="<account> [symbols]",
    ),
    Deed(
        "scan",
        "What futures yield a year over their shares, coins or nearer futures, on the margin.",
        ScanAsk,
        call="scan",
        spoken=scan_words,
        form="[rate] [asset]",
    ),
    Deed(
        "dscan",
        "Dividends that futures imply.",
        DividendsAsk,
        call="dscan",
        spoken=dividends_words,
        form="[how many] [asset]",
    ),
)
