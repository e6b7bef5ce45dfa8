"""Prices and scans by REST, asked for now: the same as on the command line."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from kedge.desk import markets
from kedge.desk.markets import Implied, Scanned
from kedge.desk.web import project
from kedge.desk.web.api.door import Act, Caller
from kedge.desk.web.api.shapes import All
from kedge.model.looks import ListedLook, QuoteLook

# What the questions give.
GIVES: dict[str, Any] = {"quotes": All[QuoteLook], "scan": Scanned, "dscan": Implied}


class ListedAsk(Struct, frozen=True, forbid_unknown_fields=True):
    account: Annotated[str, Meta(max_length=200, description="Only this account's, like paper/main.")] = ""
    after: Annotated[str, Meta(max_length=200, description="The last market of the page before.")] = ""
    limit: Annotated[int, Meta(ge=1, le=markets.PAGE, description="At most so many.")] = 500


def question(what: str) -> Act:
    """The handler of a deed that is reckoned from prices."""

    async def act(caller: Caller, args: Struct) -> Any:
        desk = project.context().link.desk(caller.person.via)
        said = await markets.answer(what, desk.read, msgspec.structs.asdict(args))
        return All(list(said)) if isinstance(said, tuple) else said

    return act


async def listed(caller: Caller, args: ListedAsk) -> All[ListedLook]:
    desk = project.context().link.desk(caller.person.via)
    rows = await desk.read("listed", **msgspec.structs.asdict(args))
    return All(msgspec.convert(rows, list[ListedLook]))
