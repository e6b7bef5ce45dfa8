"""From waiting notices to one message: the most urgent first, fills summed, the rest counted.

Pure. A message carries the keys of what it covers, also of those it only counts: when it is delivered, all of
them are.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from kedge.desk.notices import LEVELS, SIDES, STRANGER, Level, Notice
from kedge.desk.said import LANGUAGES, say, told
from kedge.model.instrument import symbol_of
from kedge.model.numbers import divide, text

SIGNS: dict[str, str] = {"alarm": "‼", "warn": "!", "info": "·"}
OVER = "✓"
# A message shows so many lines and letters; the rest of what is not an alarm is counted.
LINES_MAX = 20
LETTERS_MAX = 3000


class Message(Struct, frozen=True):
    """What one channel sends at once. `key` is the same for the same notices, however often it is tried."""

    key: str
    level: Level
    shown: tuple[tuple[Notice, ...], ...]  # each is one line
    more: int
    notices: tuple[Notice, ...]

    @property
    def lines(self) -> tuple[str, ...]:
        return self.lines_in("en")

    @property
    def text(self) -> str:
        return self.text_in("en")

    def lines_in(self, language: str) -> tuple[str, ...]:
        return tuple(_line(group, language) for group in self.shown)

    def text_in(self, language: str) -> str:
        rest = (told(say("and {n} more", n=str(self.more)), language),) if self.more else ()
        return "\n".join((*self.lines_in(language), *rest))


def pack(waiting: Sequence[Notice]) -> Message:
    """One message for what waits. Alarms that find no room stay for the next message."""
    assert waiting
    shown: list[tuple[Notice, ...]] = []
    covered: list[Notice] = []
    more, letters = 0, 0
    for group in _groups(sorted(waiting, key=_urgency)):
        # It covers the same notices in whatever language it is read.
        long = max(len(_line(group, language)) for language in LANGUAGES)
        if shown and (len(shown) >= LINES_MAX or letters + long > LETTERS_MAX):
            if group[0].level == "alarm":
                continue
            more += len(group)
        else:
            shown.append(tuple(group))
            letters += long
        covered += group
    return Message(covered[0].key, covered[0].level, tuple(shown), more, tuple(covered))


def subject(message: Message, language: str = "en") -> str:
    """For mail: the most urgent line, and how many there are."""
    others = len(message.shown) - 1 + message.more
    first = message.lines_in(language)[0].splitlines()[0][:120]
    return told(say("{first} (and {n} more)", first=first, n=str(others)), language) if others else first


def _urgency(notice: Notice) -> tuple[int, int]:
    return (-LEVELS.index(notice.level), notice.ts_ns)


def _groups(notices: Sequence[Notice]) -> list[list[Notice]]:
    """Fills of one bot, market and side together; everything else for itself."""
    groups: dict[tuple[str, ...], list[Notice]] = {}
    for notice in notices:
        together = (notice.bot, notice.facts["market"], notice.facts["side"]) if notice.kind == "fill" else ()
        groups.setdefault(together or (notice.key,), []).append(notice)
    return list(groups.values())


def _line(group: Sequence[Notice], language: str) -> str:
    first = group[0]
    sign = OVER if first.over else SIGNS[first.level]
    if len(group) == 1:
        return f"{sign} {first.told(language)}"
    qty = sum((Decimal(one.facts["qty"]) for one in group), Decimal(0))
    value = sum((Decimal(one.facts["qty"]) * Decimal(one.facts["price"]) for one in group), Decimal(0))
    average = divide(value, qty).quantize(Decimal("1e-8"))
    said = say(
        "{who}: {side} {qty} {symbol} in {n} fills, average {price}",
        who=first.bot or STRANGER,
        side=SIDES[first.facts["side"]],
        qty=text(qty),
        symbol=symbol_of(first.facts["market"]),
        n=str(len(group)),
        price=text(average.normalize()),
    )
    return f"{sign} {told(said, language)}"
