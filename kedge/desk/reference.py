"""The generated parts of the reference pages of bots and venues, made from what the code declares."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kedge.bots import BUILT_IN
from kedge.model.forms import Entry, default_word, form
from kedge.model.venue import Rules
from kedge.venues.binance.spot.rules import BINANCE_SPOT_RULES
from kedge.venues.binance.usdm.rules import BINANCE_USDM_RULES
from kedge.venues.bybit.rules import BYBIT_RULES
from kedge.venues.paper.rules import PAPER_RULES
from kedge.venues.tinvest.rules import TINVEST_RULES

# Every venue's rules; a new venue is one line here.
VENUES: tuple[Rules, ...] = (
    PAPER_RULES,
    BYBIT_RULES,
    BINANCE_SPOT_RULES,
    BINANCE_USDM_RULES,
    TINVEST_RULES,
)

SECOND_NS = 1_000_000_000


def bots_page() -> str:
    """The generated part of `docs/reference/bots.md`: every kind, its parameters and its words."""
    lines: list[str] = []
    for bot in BUILT_IN.values():
        lines += [f"### {bot.kind}", "", bot.summary, ""]
        lines += _table(("parameter", "type", "default", "meaning"), map(_parameter, form(bot.Config)))
        words = [(f"`{word}`", meaning) for word, meaning in bot.words.items()]
        lines += ["", *_table(("word", "meaning"), words)] if words else ["", "It understands no words."]
        lines.append("")
    return "\n".join(lines)


def venues_page() -> str:
    """The generated part of `docs/reference/venues.md`: what each venue lets the desk do and prove."""
    lines: list[str] = []
    for rules in VENUES:
        lines += [f"### {rules.venue}", "", f"As of {rules.as_of}.", ""]
        lines += [*_table(("question", "answer"), _answers(rules)), ""]
    return "\n".join(lines)


def never_happened_s(rules: Rules) -> str:
    """How long after an order was meant its absence proves something; "" where it never does."""
    bound_ns = rules.request_window_ns + rules.skew_ns + rules.visibility_ns
    return _seconds(bound_ns) if rules.bounded else ""


def _answers(rules: Rules) -> Iterator[tuple[str, str]]:
    never = never_happened_s(rules)
    yield "may an id be used again", _ID_SCOPES[rules.id_scope]
    yield (
        "the last moment a request may take effect",
        f"{_seconds(rules.request_window_ns)} after it was meant",
    )
    yield "how far its clock may be from ours", _seconds(rules.skew_ns)
    yield "how long it may hide what has happened", _seconds(rules.visibility_ns)
    yield (
        "when not found means never happened",
        f"{never} after it was meant" if never else _NEVER[rules.burns],
    )
    yield "how an order is amended", _AMENDS[rules.amend]
    yield (
        "reduce-only, post-only, stop orders, stops from the other side",
        ", ".join(_yes(one) for one in (rules.reduce_only, rules.post_only, rules.stops, rules.takes)),
    )
    yield "does it end orders at a time by itself", _ENDS[rules.ends]
    if rules.day_orders:
        yield (
            "day orders",
            "plain orders end with the day's last session; bots place them again at the opening",
        )
    if rules.stops_per_min:
        yield "stop orders the desk allows itself", f"{rules.stops_per_min} a minute, beside the others"
    yield (
        "requests the desk allows itself",
        f"{rules.requests_per_s} a second, {rules.burst} at once,"
        f" {rules.reserve} of them kept for cancels and hedges",
    )
    yield "a book is stale after", _seconds(rules.book_age_max_ns)
    yield "fills are asked for again over the last", _seconds(rules.fills_overlap_ns)


_ID_SCOPES = {
    "forever": "never: the venue refuses an id it has seen, so a repeated request cannot double an order",
    "open": "once the order has ended: the venue refuses an id only while its order is open",
}
_NEVER = {
    False: "never by itself: a person must say so",
    True: "never by itself: its key is used up, and then it is",
}
_ENDS = {
    "none": "no: the desk cancels them then",
    "stops": "stop orders: yes; of others the desk cancels them then",
    "all": "yes",
}
_AMENDS = {
    "in_place": "in place, under the same id",
    "cancel_new": "as a cancel and a new order; the desk does the two steps itself, one after the other",
    "none": "not at all; the desk cancels, learns the last fill, and places the rest",
}


def _parameter(entry: Entry) -> tuple[str, str, str, str]:
    default = default_word(entry)
    shown = "required" if entry.required else f"`{default}`" if default else ""
    return f"`{entry.name}`", entry.type, shown, entry.help


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |"


def _seconds(ns: int) -> str:
    return f"{ns / SECOND_NS:g} s"


def _yes(one: bool) -> str:
    return "yes" if one else "no"
