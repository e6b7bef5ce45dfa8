"""The sources of preorders as a part of the desk process; without any there is no such part."""

from __future__ import annotations

from kedge.desk.parts import DeskContext, Part
from kedge.desk.preorders.keeper import Keeper, SourceState

NAME = "preorders"

_keepers: list[Keeper] = []


def parts(context: DeskContext) -> list[Part]:
    return [Part(NAME, run)] if context.settings.preorders.sources else []


async def run(context: DeskContext) -> None:
    """Look until cancelled."""
    from kedge.desk.web.preorders.service import keep

    keeper = Keeper(context, keep)
    _keepers[:] = [keeper]
    context.troubles.pop(NAME, None)
    await keeper.run()


def states() -> tuple[SourceState, ...]:
    """What came of the latest look at each source."""
    return tuple(_keepers[-1].states.values()) if _keepers else ()
