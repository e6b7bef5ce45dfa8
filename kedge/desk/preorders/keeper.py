"""Keeps looking at the sources: polls each at its interval, judges every row, has the good ones kept.

A source that cannot be asked is asked again with back-off and its trouble stands on the desk's pages; the
others go on. What a source of somebody's own raises ends its turn and nothing else.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

import msgspec
from msgspec import Struct

from kedge.desk.parts import DeskContext
from kedge.desk.preorders.rows import BadRow, PreorderRow, parse
from kedge.desk.preorders.sources import PreorderSource, RawRow, SourceTrouble, make_source
from kedge.desk.tables.database import DatabaseTrouble
from kedge.settings import SettingsWrong, SourceSettings

AGAIN_MOST_S = 900.0
BAD_SHOWN = 5

Told = tuple[PreorderRow, tuple[str, ...]]
# Keeps rows, by their numbers; how many were new, and how many had changed. Raises `DatabaseTrouble`.
Keep = Callable[[Sequence[Told]], tuple[int, int]]


class SourceState(Struct, frozen=True):
    """What came of the latest look."""

    name: str
    kind: str
    polled_ns: int = 0
    rows: int = 0
    new: int = 0
    changed: int = 0
    bad: int = 0
    wrong: tuple[str, ...] = ()  # the first bad rows, a sentence each
    trouble: str = ""


class Keeper:
    """All sources of one desk."""

    def __init__(self, context: DeskContext, keep: Keep) -> None:
        self._context = context
        self._keep = keep
        self.states: dict[str, SourceState] = {
            one.name: SourceState(one.name, one.kind) for one in context.settings.preorders.sources
        }

    async def run(self) -> None:
        """Until cancelled."""
        sources = self._context.settings.preorders.sources
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(self._follow(one), name=f"preorders {one.name}") for one in sources]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, settings: SourceSettings) -> None:
        source: PreorderSource | None = None
        again_s = float(settings.every_s)
        while True:
            if source is None:
                try:
                    source = make_source(settings, self._context.secrets)
                except SettingsWrong as wrong:
                    self._is(settings, trouble=str(wrong))
            well = source is not None and await self.look(settings, source)
            again_s = settings.every_s if well else min(again_s * 2, AGAIN_MOST_S)
            await asyncio.sleep(again_s)

    async def look(self, settings: SourceSettings, source: PreorderSource) -> bool:
        """One look; whether all went well."""
        turn = asyncio.get_running_loop().create_task(self._turn(settings, source))
        try:
            await asyncio.gather(turn, return_exceptions=True)
        finally:
            turn.cancel()
            await asyncio.gather(turn, return_exceptions=True)
        error = None if turn.cancelled() else turn.exception()
        if error is None:
            return not turn.cancelled()
        if isinstance(error, (SourceTrouble, DatabaseTrouble)):
            self._is(settings, trouble=str(error))
        else:
            self._is(settings, trouble=f"{settings.kind} failed: {type(error).__name__}: {str(error)[:200]}")
        return False

    async def _turn(self, settings: SourceSettings, source: PreorderSource) -> None:
        raw = await source.poll()
        good, wrong, bad = judged(raw)
        new, changed = await asyncio.to_thread(self._keep, good)
        kept = getattr(source, "kept", None)
        if kept is not None:
            kept()
        now_ns = self._context.clock()
        if raw:
            self._is(settings, rows=len(raw), new=new, changed=changed, bad=bad, wrong=wrong)
        # Nothing new told: what came of the last rows stays on show.
        self._is(settings, polled_ns=now_ns, trouble="")
        if new or changed or bad:
            said = f"preorders from {settings.name}: {new} new, {changed} changed, {bad} that cannot be kept"
            self._context.say(said + (f" ({wrong[0]})" if wrong else ""))

    def _is(self, settings: SourceSettings, **changes: object) -> None:
        before = self.states[settings.name]
        now = self.states[settings.name] = msgspec.structs.replace(before, **changes)
        part = f"preorders from {settings.name}"
        if now.trouble:
            self._context.troubles[part] = now.trouble
            if now.trouble != before.trouble:
                self._context.say(f"{part}: {now.trouble}")
        else:
            self._context.troubles.pop(part, None)


def judged(raw: Sequence[RawRow]) -> tuple[list[Told], tuple[str, ...], int]:
    """The rows that can be kept, the first sentences about others, and how many those are."""
    good: list[Told] = []
    wrong: list[str] = []
    bad = 0
    for one in raw:
        try:
            good.append(parse(one))
        except BadRow as error:
            bad += 1
            if len(wrong) < BAD_SHOWN:
                wrong.append(str(error))
    return good, tuple(wrong), bad
