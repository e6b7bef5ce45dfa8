"""What changes something: every deed that has a verb, under an idempotency key."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Raw, Struct, field

from kedge.client import Refused
from kedge.desk import commands
from kedge.desk.commands import DEEDS, Deed
from kedge.desk.hedges.service import as_asked
from kedge.desk.web import project
from kedge.desk.web.api.door import Act, Caller
from kedge.desk.web.api.shapes import Said
from kedge.model.commands import VERBS
from kedge.model.forms import Entry
from kedge.model.records import CommandTaken
from kedge.model.sentences import mistake, unknown_name

OBJECT = {"type": "object", "additionalProperties": True}


class CommandAsk(Struct, frozen=True, forbid_unknown_fields=True):
    """Any command by its verb, as `kedge.client` sends it."""

    verb: Annotated[str, Meta(max_length=40, description=f"One of {', '.join(VERBS)}.")]
    args: Annotated[Raw, Meta(description="The verb's arguments.", extra_json_schema=OBJECT)] = field(
        default_factory=lambda: Raw(b"{}")
    )


def body_of(deed: Deed) -> type[Struct]:
    """What a deed is sent: its arguments, without those that it fixes itself."""
    needed: list[tuple[str, Any]] = []
    others: list[tuple[str, Any, Any]] = []
    for entry in commands.arguments(deed):
        hint = _hint(entry)
        if entry.required:
            needed.append((entry.name, hint))
        else:
            others.append((entry.name, hint, _default(entry)))
    name = "".join(part.title() for part in deed.name.split()) + "Body"
    return msgspec.defstruct(name, [*needed, *others], frozen=True, forbid_unknown_fields=True)


def _hint(entry: Entry) -> Any:
    if commands.is_pairs(entry):
        return Annotated[Raw, Meta(description=entry.help, extra_json_schema=OBJECT)]
    return Annotated[entry.hint, Meta(description=entry.help)]


def _default(entry: Entry) -> Any:
    """Raw cannot be written into the document, so it is made each time."""
    return field(default_factory=lambda: Raw(b"{}")) if commands.is_pairs(entry) else entry.default


def deed_act(deed: Deed) -> Act:
    """The handler of a deed's POST."""

    async def act(caller: Caller, args: Struct) -> CommandTaken | Said:
        given = {name: getattr(args, name) for name in args.__struct_fields__}
        desk = project.context().link.desk(caller.person.via)
        done = await commands.carry_out(deed, given, desk, caller.key, of=caller.person.name)
        if isinstance(done, CommandTaken):
            return await as_asked(desk, done, str(deed.verb), **given, **deed.fixed)
        return Said(f"a verified copy is in {done}" if deed.call == "backup" else str(done))

    return act


async def command(caller: Caller, args: CommandAsk) -> CommandTaken:
    """A verb with its arguments; who may is what the deeds of that verb say."""
    shape = VERBS.get(args.verb)
    if shape is None:
        raise Refused(unknown_name(args.verb, VERBS, "command"), "usage")
    deed = deed_for(args.verb)
    if not caller.person.may(deed):
        raise Refused(f"{caller.person.name} may not {deed.name}; that needs the role {deed.role}", "denied")
    try:
        msgspec.json.decode(args.args, type=shape)
    except msgspec.DecodeError as error:
        raise Refused(mistake(error, shape, args.verb), "usage") from None
    given = msgspec.json.decode(args.args, type=dict[str, Raw])
    desk = project.context().link.desk(caller.person.via)
    taken = await desk.command(args.verb, command_id=caller.key, of=caller.person.name, **given)
    return await as_asked(desk, taken, args.verb, **given)


def deed_for(verb: str) -> Deed:
    """The deed that gives a verb: the first one without fixed arguments; an errand counts as its own."""
    fitting = [one for one in DEEDS if verb in (one.verb, getattr(one, "errand", ""))]
    plain = [one for one in fitting if not one.fixed]
    assert plain, f"no deed gives {verb}"
    return plain[0]
