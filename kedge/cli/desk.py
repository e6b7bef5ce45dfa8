"""The desk's own commands on the command line: made from `desk/commands.py`, one function each.

What reads rows is answered by the running desk or, when none runs, from its journal; which of the two is
said. What changes something needs the desk. `status`, which is about now, needs it too.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import cyclopts
import msgspec
from cyclopts import Parameter
from msgspec import Struct
from msgspec.inspect import DecimalType

from kedge import client, settings
from kedge.bots import BUILT_IN
from kedge.cli.home import Place, find_place, look_now
from kedge.cli.offline import read_offline
from kedge.cli.out import remark, say, show
from kedge.cli.params import config_from, describe, find_kind, free_from
from kedge.client import Desk, DeskAway
from kedge.desk import commands
from kedge.desk.commands import Deed
from kedge.desk.deeds_people import PreordersAsk
from kedge.desk.preorders import shelf
from kedge.desk.screens import Column, Look, Screen, listing, name, rows_screen, words
from kedge.desk.screens_markets import answer_screen, instruments_screen
from kedge.desk.screens_preorders import preorders_screen
from kedge.desk.screens_schedules import schedules_screen
from kedge.desk.screens_status import bots_screen, status_screen
from kedge.desk.screens_story import story_screen
from kedge.desk.screens_tasks import (
    sellbuy_screen,
    spreads_screen,
    sprices_screen,
    stashes_screen,
    tasks_screen,
)
from kedge.desk.tables.people import DatabaseTrouble, people_of
from kedge.journal.backup import backup
from kedge.journal.journal import LeaseHeld
from kedge.journal.lease import FileLock
from kedge.journal.store import lease_of
from kedge.model.exits import Exit, Halt
from kedge.model.forms import Entry
from kedge.model.looks import Status
from kedge.model.numbers import text
from kedge.model.records import CommandTaken
from kedge.model.sentences import mistake, unknown_name

Run = Callable[..., int]
# The one positional argument of deeds that are said in words.
WORDS = "words"
_KEYWORD, _POSITION = inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.POSITIONAL_ONLY

HOME = Annotated[
    str, Parameter(help="The desk's home folder, if not KEDGE_HOME or the usual one.", show_default=False)
]
GATE = Annotated[
    str,
    Parameter(
        help="Ask a desk on another machine, like tls://trade.example.org:8322, if not KEDGE_GATE.",
        show_default=False,
    ),
]
AS_JSON = Annotated[bool, Parameter(name="--json", help="For programs: JSON on stdout.", show_default=False)]
COMMAND_ID = Annotated[
    str,
    Parameter(name="--id", help="Ask again under the id of an earlier try: done once.", show_default=False),
]


def add_desk_commands(app: cyclopts.App) -> None:
    groups: dict[str, cyclopts.App] = {}
    for deed in commands.DEEDS:
        group, _, last = deed.name.rpartition(" ")
        if group and group not in groups:
            groups[group] = cyclopts.App(name=group, help=GROUPS[group])
            app.command(groups[group])
        (groups[group] if group else app).command(_function(deed), name=last, help_epilogue="")
    groups["bot"].command(bot_kinds, name="kinds", help_epilogue="")


def _function(deed: Deed) -> Run:
    """A function whose signature is the deed's arguments, for the parser and its help."""

    def run(*positions: Any, **named: Any) -> int:
        bound = signature.bind(*positions, **named)
        bound.apply_defaults()
        given = dict(bound.arguments)
        place = find_place(given.pop("home"), given.pop("gate"))
        if deed.spoken is not None:
            given = _spoken(deed, given)
        as_json, command_id = bool(given.pop("json")), str(given.pop("id", ""))
        return perform(deed, given, place, as_json, command_id)

    signature = inspect.Signature(_parameters(deed))
    run.__signature__ = signature  # type: ignore[attr-defined]
    run.__annotations__ = {one.name: one.annotation for one in signature.parameters.values()}
    run.__name__ = deed.name.replace(" ", "_")
    run.__doc__ = deed.help
    return run


def _parameters(deed: Deed) -> list[inspect.Parameter]:
    positions, pairs, named = [], [], []
    for argument in commands.arguments(deed):
        # Where leaving it out is a third answer, "no" can be said, too.
        said_no = f"--no-{argument.name.replace('_', '-')}" if _python(argument) == (bool | None) else ()
        known = Parameter(help=argument.help, show_default=bool(argument.default), negative=said_no)
        hint: Any = Annotated[str if commands.is_pairs(argument) else _python(argument), known]
        if commands.is_pairs(argument):
            pairs.append(inspect.Parameter(argument.name, inspect.Parameter.VAR_POSITIONAL, annotation=hint))
        elif argument.required and deed.spoken is not None:
            continue  # it is among the words
        elif argument.required:
            positions.append(inspect.Parameter(argument.name, _POSITION, annotation=hint))
        else:
            named.append(
                inspect.Parameter(argument.name, _KEYWORD, default=_default(argument), annotation=hint)
            )
    if deed.spoken is not None:
        known = Parameter(help=deed.form, show_default=False, allow_leading_hyphen=True)
        words: Any = Annotated[str, known]
        pairs.append(inspect.Parameter(WORDS, inspect.Parameter.VAR_POSITIONAL, annotation=words))
    named.append(inspect.Parameter("home", _KEYWORD, default="", annotation=HOME))
    named.append(inspect.Parameter("gate", _KEYWORD, default="", annotation=GATE))
    named.append(inspect.Parameter("json", _KEYWORD, default=False, annotation=AS_JSON))
    if deed.verb:
        named.append(inspect.Parameter("id", _KEYWORD, default="", annotation=COMMAND_ID))
    return positions + pairs + named


def _spoken(deed: Deed, given: dict[str, Any]) -> dict[str, Any]:
    """Words as arguments: in the deed's own form, or what is required in its order; options beside them."""
    assert deed.spoken is not None
    entries = commands.arguments(deed)
    said = tuple(given.pop(WORDS, ()))
    # What an option was left at is not said, so that the words may say it.
    kept = {entry.name: _default(entry) for entry in entries if not entry.required}
    options = {name: value for name, value in given.items() if name not in kept or value != kept[name]}
    required = [entry.name for entry in entries if entry.required]
    try:
        words = deed.spoken(said)
    except commands.WordsWrong:
        if len(said) != len(required) or not said:
            raise Halt(
                Exit.USAGE, f"{deed.name}: write it like this: kedge {deed.name} {deed.form}"
            ) from None
        words = dict(zip(required, said, strict=True))
    usual = kept if deed.read else {}  # a command that is given has these by itself
    return {**usual, **words, **options}


def _default(argument: Entry) -> Any:
    """Numbers as people write them: what is exact is read by us, and a mistake told in our own words."""
    return text(argument.default) if isinstance(argument.default, Decimal) else argument.default


def _python(argument: Entry) -> Any:
    """Without msgspec's bounds: those are checked with the whole, and told in our own words."""
    if isinstance(argument.shape, DecimalType):
        return str | None if argument.default is None and not argument.required else str
    bounded = hasattr(argument.hint, "__metadata__")
    return argument.hint.__origin__ if bounded else argument.hint


SCREENS: dict[str, Callable[[Status, Look], Screen]] = {
    "status": status_screen,
    "bots": bots_screen,
    "schedules": schedules_screen,
    "tasks": tasks_screen,
    "sellbuy": sellbuy_screen,
    "spreads": spreads_screen,
    "sprices": sprices_screen,
    "stashes": stashes_screen,
}
GROUPS = {
    "bot": "Add, change, stop and remove bots.",
    "list": "Lists that you keep: tickers, levels, sums.",
    "stash": "Save all stop orders of an account, and put them back.",
    "schedule": "Have commands run by themselves, at an interval or by the clock.",
}


# ── doing ───────────────────────────────────────────────────────────────────────────────────────


def perform(deed: Deed, given: dict[str, Any], place: Place, as_json: bool, command_id: str = "") -> int:
    args = check(deed, given)
    if deed.read:
        return _read(deed, args, place, as_json)
    if deed.call in commands.KEPT:
        return _kept(args, place, as_json)
    if deed.name == "backup":
        if not place.far:  # elsewhere it is a folder of that machine
            args["target"] = str(Path(args["target"]).expanduser().absolute())
        return _backup(args["target"], place, as_json)
    try:
        result = asyncio.run(_at_the_desk(deed, args, place, command_id))
    except DeskAway as away:
        raise (None if away.command_id else _with_its_door_gone(place)) or away from None
    if isinstance(result, CommandTaken):
        say(result.says, as_json, ok=result.ok, says=result.says, command_id=result.command_id)
    elif deed.call in commands.QUESTIONS:
        show(answer_screen(result, look_now()), as_json)
    elif isinstance(result, Status):
        show(SCREENS[deed.call](result, look_now()), as_json)
    else:
        say(str(result), as_json)
    return Exit.OK


def _with_its_door_gone(place: Place) -> LeaseHeld | None:
    """A desk that runs while its socket was deleted hears nobody, the kill switch included: that is said."""
    if place.far or place.socket.exists() or not lease_of(place.home.root, place.cell).exists():
        return None
    try:
        FileLock.share(lease_of(place.home.root, place.cell), f"the cell {place.cell}").release()
    except LeaseHeld as held:
        who = str(held).removesuffix("; ask it instead")
        return LeaseHeld(f"{who}, but its socket {place.socket} is gone: end that process and start it again")
    return None


def check(deed: Deed, given: dict[str, Any]) -> dict[str, Any]:
    """Bounds of the plain arguments; name=value pairs are judged by the bot's kind later."""
    whole: dict[str, Any] = {name: {} if isinstance(value, tuple) else value for name, value in given.items()}
    pairs: dict[str, Any] = {entry.name: {} for entry in commands.arguments(deed) if commands.is_pairs(entry)}
    try:
        msgspec.json.decode(msgspec.json.encode({**pairs, **whole}), type=deed.args)
    except msgspec.ValidationError as error:
        raise Halt(Exit.USAGE, mistake(error, deed.args, deed.name)) from None
    return given


async def _at_the_desk(deed: Deed, args: dict[str, Any], place: Place, command_id: str) -> Any:
    async with client.connect(place.door, via="cli") as desk:
        for argument in commands.arguments(deed):
            if commands.is_pairs(argument):
                args[argument.name] = await _pairs(deed, args, argument, place, desk)
        return await commands.carry_out(deed, args, desk, command_id)


async def _pairs(
    deed: Deed, args: dict[str, Any], argument: Entry, place: Place, desk: Desk
) -> dict[str, Any]:
    pairs: tuple[str, ...] = args.get(argument.name, ())
    if argument.name != "config":
        return free_from(pairs, deed.name)
    adding = deed.verb == "bot.add"
    kind = args["kind"] if adding else await _kind_of(args["name"], desk)
    if not adding and not pairs:
        raise Halt(Exit.USAGE, f"{deed.name}: what shall change? add name=value")
    shape: type[Struct] = find_kind(kind, place.home.bots_folder).Config
    return config_from(pairs, shape, args["name"], whole=adding)


async def _kind_of(bot: str, desk: Desk) -> str:
    bots = {one.bot: one.kind for one in (await desk.status()).bots}
    if bot not in bots:
        raise client.Refused(unknown_name(bot, bots, "bot"))
    return bots[bot]


def _read(deed: Deed, args: dict[str, Any], place: Place, as_json: bool) -> int:
    try:
        rows = asyncio.run(_at_the_desk(deed, args, place, ""))
        source = "desk"
    except DeskAway:
        if place.far:
            raise
        rows = read_offline(place, deed, args)
        source = "journal"
        if not as_json:
            remark("the desk is not running: this is read from its journal")
    show(_rows_view(deed, args, rows), as_json, {"from": source, "rows": rows})
    return Exit.OK


def _rows_view(deed: Deed, args: dict[str, Any], rows: list[dict[str, Any]]) -> Screen:
    if deed.read == "story":
        return story_screen(args["of"], rows, look_now())
    if deed.read == "instruments":
        return instruments_screen(rows, look_now())
    return rows_screen(deed.read, rows, look_now())


def _kept(args: dict[str, Any], place: Place, as_json: bool) -> int:
    """From the people's database itself: whether a desk process runs is all the same."""
    if place.far:
        raise client.Refused("preorders are in that machine's database: ask there, or the pages' REST")
    secrets = settings.Secrets(place.home.secrets)
    people = people_of(place.home, settings.load(place.home.settings), secrets)
    try:
        rows = shelf.find(people, PreordersAsk(**args))
    except DatabaseTrouble as trouble:
        raise Halt(Exit.DISK, str(trouble)) from None
    finally:
        people.close()
    show(preorders_screen(rows, look_now()), as_json, {"from": "database", "rows": rows})
    return Exit.OK


def _backup(target: str, place: Place, as_json: bool) -> int:
    try:
        made = asyncio.run(_ask_for_backup(target, place))
    except DeskAway:
        if place.far:
            raise
        backup(place.home.root, place.cell, Path(target))
        made = target
    say(f"a verified copy is in {made}", as_json, path=made)
    return Exit.OK


async def _ask_for_backup(target: str, place: Place) -> str:
    async with client.connect(place.door, via="cli") as desk:
        return await desk.backup(target)


# ── kinds ───────────────────────────────────────────────────────────────────────────────────────

_KINDS = (Column("kind", ("kind",), name), Column("what it does", ("summary",), words))
_PARAMETERS = (
    Column("parameter", ("name",), name),
    Column("type", ("type",), words),
    Column("default", ("default",), words),
    Column("meaning", ("help",), words),
)
_WORDS = (Column("word", ("word",), name), Column("meaning", ("meaning",), words))


def bot_kinds(kind: str = "", /, *, home: HOME = "", json: AS_JSON = False) -> int:
    """The kinds of bots there are; with a kind, its parameters.

    Parameters
    ----------
    kind: A built-in kind, or module:Class of your own.
    """
    if not kind:
        rows = [{"kind": one.kind, "summary": one.summary} for one in BUILT_IN.values()]
        show(listing("kinds", rows, _KINDS, look_now()), json)
        return Exit.OK
    found = find_kind(kind, find_place(home).home.bots_folder)
    parameters = describe(found.Config)
    data = {
        "kind": kind,
        "summary": getattr(found, "summary", ""),
        "words": dict(found.words),
        "parameters": parameters,
    }
    shown = [{**one, "default": "required" if one["required"] else one["default"]} for one in parameters]
    show(listing("parameters", shown, _PARAMETERS, look_now(), data), json)
    if found.words and not json:
        rows = [{"word": word, "meaning": meaning} for word, meaning in found.words.items()]
        say("")
        show(listing("words", rows, _WORDS, look_now()), json)
    return Exit.OK
