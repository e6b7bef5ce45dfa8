"""From waiting notices to one message: the most urgent first, fills summed, the rest counted.

Pure. A message carries the keys of what it covers, also of those it only counts: when it is delivered, all of
them are.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec import Struct

from kedge.desk.notices import LEVELS, Level, Notice
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
    lines: tuple[str, ...]
    more: int
    notices: tuple[Notice, ...]

    @property
    def text(self) -> str:
        rest = (f"and {self.more} more",) if self.more else ()
        return "\n".join((*self.lines, *rest))


def pack(waiting: Sequence[Notice]) -> Message:
    """One message for what waits. Alarms that find no room stay for the next message."""
    assert waiting
    lines: list[str] = []
    covered: list[Notice] = []
    more, letters = 0, 0
    for group in _groups(sorted(waiting, key=_urgency)):
        line = _line(group)
        if lines and (len(lines) >= LINES_MAX or letters + len(line) > LETTERS_MAX):
            if group[0].level == "alarm":
                continue
            more += len(group)
        else:
            lines.append(line)
            letters += len(line)
        covered += group
    return Message(covered[0].key, covered[0].level, tuple(lines), more, tuple(covered))


def subject(message: Message) -> str:
    """For mail: the most urgent line, and how many there are."""
    others = len(message.lines) - 1 + message.more
    first = message.lines[0].splitlines()[0][:120]
    return f"{first} (and {others} more)" if others else first


def _urgency(notice: Notice) -> tuple[int, int]:
    return (-LEVELS.index(notice.level), notice.ts_ns)


def _groups(notices: Sequence[Notice]) -> list[list[Notice]]:
    """Fills of one bot, market and side together; everything else for itself."""
    groups: dict[tuple[str, ...], list[Notice]] = {}
    for notice in notices:
        together = (notice.bot, notice.facts["market"], notice.facts["side"]) if notice.kind == "fill" else ()
        groups.setdefault(together or (notice.key,), []).append(notice)
    return list(groups.values())


def _line(group: list[Notice]) -> str:
    first = group[0]
    sign = OVER if first.over else SIGNS[first.level]
    if len(group) == 1:
        return f"{sign} {first.text}"
    qty = sum((Decimal(one.facts["qty"]) for one in group), Decimal(0))
    value = sum((Decimal(one.facts["qty"]) * Decimal(one.facts["price"]) for one in group), Decimal(0))
    average = divide(value, qty).quantize(Decimal("1e-8"))
    who, where = first.bot or "not a bot of ours", symbol_of(first.facts["market"])
    side = first.facts["side"]
    return (
        f"{sign} {who}: {side} {text(qty)} {where} in {len(group)} fills, average {text(average.normalize())}"
    )
