"""A trader's day by REST: tasks and prices of spreads, stashes, lists, and what a command would do."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from kedge.client import Refused
from kedge.desk import tasks
from kedge.desk.commands import with_usual
from kedge.desk.deeds_tasks import ListsAsk, StashShowAsk
from kedge.desk.tasks import PriceLine, TaskLine
from kedge.desk.web import project
from kedge.desk.web.api.doing import CommandAsk, deed_for
from kedge.desk.web.api.door import Act, Caller
from kedge.desk.web.api.looking import fresh
from kedge.desk.web.api.shapes import All
from kedge.journal.row_shapes import ListRow
from kedge.model.commands import VERBS
from kedge.model.looks import Preview, StashLook
from kedge.model.sentences import mistake, unknown_name
from kedge.model.stash import SavedOrder


def tasks_of(call: str) -> Act:
    async def act(caller: Caller, args: Struct) -> All[TaskLine]:
        return All(list(tasks.asked_for(await fresh(), call)))

    return act


async def sprices(caller: Caller, args: Struct) -> All[PriceLine]:
    return All(list(tasks.prices_of(await fresh())))


async def stashes(caller: Caller, args: Struct) -> All[StashLook]:
    return All(list((await fresh()).stashes))


async def stash(caller: Caller, args: StashShowAsk) -> All[SavedOrder]:
    desk = project.context().link.desk(caller.person.via)
    return All(msgspec.convert(await desk.read("stash", name=args.name), list[SavedOrder], strict=False))


async def lists(caller: Caller, args: ListsAsk) -> All[ListRow]:
    desk = project.context().link.desk(caller.person.via)
    rows = with_usual(list(await desk.read("lists", limit=args.limit)))
    return All(msgspec.convert(rows, list[ListRow], strict=False))


class PreviewAsk(CommandAsk, frozen=True, forbid_unknown_fields=True):
    """A command that starts a task, as it would be given."""


async def preview(caller: Caller, args: PreviewAsk) -> Preview:
    """Nothing is done; who may see it is who may give it."""
    shape = VERBS.get(args.verb)
    if shape is None:
        raise Refused(unknown_name(args.verb, VERBS, "command"), "usage")
    if not caller.person.may(deed_for(args.verb)):
        raise Refused(f"{caller.person.name} may not give {args.verb}", "denied")
    try:
        msgspec.json.decode(args.args, type=shape)
    except msgspec.DecodeError as error:
        raise Refused(mistake(error, shape, args.verb), "usage") from None
    given: dict[str, Any] = msgspec.json.decode(args.args, type=dict[str, Any])
    desk = project.context().link.desk(caller.person.via)
    return msgspec.convert(await desk.read("preview", verb=args.verb, args=given), Preview)


GIVES: dict[str, tuple[Act, Any]] = {
    "tasks": (tasks_of("tasks"), All[TaskLine]),
    "sellbuy": (tasks_of("sellbuy"), All[TaskLine]),
    "spreads": (tasks_of("spreads"), All[TaskLine]),
    "sprices": (sprices, All[PriceLine]),
    "stashes": (stashes, All[StashLook]),
}
