"""Everything people can ask of a desk, each once: the faces of the desk are made from this list.

The command line, the web, Telegram and the reference pages read the same `Deed`s: a name in two words at
most, one sentence, typed arguments, and who may. A deed either changes something (a `verb`, journalled by
the engine), reads rows (`read`), or asks the gate itself (`call`).
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct, inspect

from kedge.client import Desk, Refused
from kedge.desk import markets
from kedge.desk.deed import KEPT as KEPT
from kedge.desk.deed import LOOKS as LOOKS
from kedge.desk.deed import QUESTIONS as QUESTIONS
from kedge.desk.deed import Deed as Deed
from kedge.desk.deed import WordsWrong as WordsWrong
from kedge.desk.deed import told as told
from kedge.desk.deed import verb_deed
from kedge.desk.deeds_markets import MARKET_DEEDS
from kedge.desk.deeds_people import PEOPLE_DEEDS
from kedge.desk.deeds_tasks import TASK_DEEDS, TASK_FIELDS, TASK_OWN_FIELDS
from kedge.model.commands import ROLES as ROLES
from kedge.model.commands import Role as Role
from kedge.model.commands import covers, role_of
from kedge.model.forms import Entry, default_word, form
from kedge.model.lists import USUAL
from kedge.model.records import CommandTaken

# Rows by name and filters: `Desk.read`, or the same over a journal.
Read = Callable[..., Awaitable[Any]]

_HEX = re.compile(r"[0-9a-f]{2,32}\Z")

ROWS_MAX = 1000
STORY_ROWS = 200

Limit = Annotated[int, Meta(ge=1, le=ROWS_MAX, description="At most so many.")]
Offset = Annotated[int, Meta(ge=0, le=10_000_000, description="Leave out so many first.")]
OfBot = Annotated[str, Meta(description="Only this bot's.")]
OfAccount = Annotated[str, Meta(description="Only this account's, like paper/main.")]
OfMarket = Annotated[str, Meta(description="Only this market's, like paper/main:BTC-PERP.")]
Search = Annotated[str, Meta(max_length=200, description="Only rows with these letters in them.")]


class _Ask(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Nothing(_Ask, frozen=True):
    """No arguments."""


class OrdersAsk(_Ask, frozen=True):
    bot: OfBot = ""
    account: OfAccount = ""
    market: OfMarket = ""
    state: Annotated[
        str, Meta(description="Only open or closed ones, or one state: unknown, filled, ...")
    ] = ""
    text: Search = ""
    sort: Annotated[
        str, Meta(description="time, ended, bot, market, state, qty or price; - before it: downwards.")
    ] = "-time"
    limit: Limit = 50
    offset: Offset = 0


class FillsAsk(_Ask, frozen=True):
    bot: OfBot = ""
    account: OfAccount = ""
    market: OfMarket = ""
    text: Search = ""
    sort: Annotated[
        str, Meta(description="time, bot, market, qty, price or realised; - before it: downwards.")
    ] = "-time"
    limit: Limit = 50
    offset: Offset = 0


class PositionsAsk(_Ask, frozen=True):
    bot: OfBot = ""
    account: OfAccount = ""
    market: OfMarket = ""
    state: Annotated[str, Meta(description="Only open or only flat ones.")] = ""
    limit: Limit = 200
    offset: Offset = 0


class DecisionsAsk(_Ask, frozen=True):
    bot: OfBot = ""
    account: OfAccount = ""
    market: OfMarket = ""
    kind: Annotated[str, Meta(description="Only place, amend, cancel or refused.")] = ""
    text: Search = ""
    limit: Limit = 50
    offset: Offset = 0


class NotesAsk(_Ask, frozen=True):
    bot: OfBot = ""
    account: OfAccount = ""
    level: Annotated[str, Meta(description="Only info, warn or alarm.")] = ""
    text: Search = ""
    limit: Limit = 50
    offset: Offset = 0


class CommandsAsk(_Ask, frozen=True):
    state: Annotated[str, Meta(description="Only done or only refused ones.")] = ""
    text: Search = ""
    limit: Limit = 50
    offset: Offset = 0


class CashAsk(_Ask, frozen=True):
    account: OfAccount = ""
    kind: Annotated[str, Meta(description="Only funding, transfer, fee, dust, insurance or other.")] = ""
    limit: Limit = 50
    offset: Offset = 0


class ExplainAsk(_Ask, frozen=True):
    of: Annotated[
        str, Meta(min_length=1, max_length=64, description="A bot, or an order as it is listed (f0c4/1).")
    ]
    limit: Annotated[int, Meta(ge=1, le=ROWS_MAX, description="At most so many lines, the latest.")] = (
        STORY_ROWS
    )


class BackupAsk(_Ask, frozen=True):
    target: Annotated[str, Meta(description="A new folder for the copy.")]


class CloseAsk(_Ask, frozen=True):
    name: Annotated[str, Meta(description="The bot.")]


# What the arguments of the engine's verbs mean, in one line each: their structs carry only types.
FIELDS: dict[str, str] = {
    "name": "The bot.",
    "kind": "A built-in kind (see `kedge bot kinds`) or module:Class of your own.",
    "config": "Parameters as name=value.",
    "origin": "Who listed it.",
    "leave": "Forget it even though it leaves a position open.",
    "text": "The word, one of those its kind understands.",
    "args": "What goes with the word, as name=value.",
    "whole": "These are all parameters: what is not named has its default again.",
    "why": "The reason, kept in the journal.",
    "client_id": "The order's id.",
    "fate": "What you saw at the venue: it is absent, or it was cancelled.",
    "account": "The account, like paper/main.",
    "bot": "Only this bot's orders.",
    "verb": "What to run, as it is journalled: bot.stop, desk.backup, ...",
    "every": "An interval (15m, 4h, 1d), or five cron fields: minute hour day month weekday.",
    "zone": "The zone whose clock a cron line goes by, like Europe/Paris.",
    "enabled": "Whether it runs; no: it is kept for later.",
    "missed": "Times at which the desk was down: skip them, or run the latest one once.",
    "comment": "Yours to write.",
    **TASK_FIELDS,
}

# Where a name means something else than in most deeds.
OWN_FIELDS: dict[tuple[str, str], str] = {
    **{(f"schedule {what}", "name"): "The schedule." for what in ("set", "rm", "run", "pause", "resume")},
    **TASK_OWN_FIELDS,
    ("schedule set", "args"): "What goes with the command, as name=value.",
    ("cancel", "account"): "Only this account's orders; with neither, those of every account.",
}


DEEDS: tuple[Deed, ...] = (
    Deed("status", "What the desk looks like now, most urgent first.", Nothing, call="status"),
    Deed("bots", "The bots, what they want and what holds them up.", Nothing, call="bots"),
    verb_deed("bot add", "bot.add", "Start a new bot."),
    verb_deed("bot amend", "bot.amend", "Change some parameters of a bot; what is not named stays."),
    verb_deed("bot pause", "bot.pause", "Take no new risk: resting orders are pulled, balancing goes on."),
    verb_deed("bot resume", "bot.resume", "Go on after a pause, or after a parked bot's fault was mended."),
    verb_deed("bot stop", "bot.stop", "Stop wanting risk, keep wanting balance, end when balanced."),
    verb_deed("bot kill", "bot.kill", "Cancel its orders and do nothing more, balanced or not."),
    verb_deed("bot rm", "bot.rm", "Forget an ended bot; its fills stay in the ledger."),
    verb_deed("bot tell", "bot.tell", "Say a word to a bot."),
    Deed(
        "bot close",
        "Have a bot close what it opened (the word close).",
        CloseAsk,
        "trade",
        verb="bot.tell",
        fixed={"text": "close"},
    ),
    Deed("orders", "Orders, the newest first.", OrdersAsk, read="orders"),
    Deed("fills", "Fills, the newest first.", FillsAsk, read="fills"),
    Deed("positions", "Positions by bot and slot, with profit.", PositionsAsk, read="positions"),
    Deed("decisions", "What bots decided and why, and what limits refused.", DecisionsAsk, read="decisions"),
    Deed("notes", "What the desk and its bots said.", NotesAsk, read="notes"),
    Deed("commands", "What people asked for, and what came of it.", CommandsAsk, read="commands"),
    Deed("cash", "Money that moved without a fill: funding, transfers, fees.", CashAsk, read="cash"),
    Deed("explain", "The story of an order or a bot, from intent to fill.", ExplainAsk, read="story"),
    verb_deed("kill", "desk.kill", "The kill switch: cancel everything, send nothing new until revived."),
    verb_deed("revive", "desk.revive", "Release the kill switch."),
    verb_deed(
        "cancel",
        "desk.cancel",
        "Cancel every order of an account or a bot, stops too, and keep the bots still until resumed.",
    ),
    *TASK_DEEDS,
    *MARKET_DEEDS,
    *PEOPLE_DEEDS,
    Deed("schedules", "What runs by itself: when next, and what came of it last.", Nothing, call="schedules"),
    verb_deed("schedule set", "schedule.set", "Have a command run periodically."),
    verb_deed("schedule rm", "schedule.rm", "Forget a schedule."),
    verb_deed("schedule run", "schedule.run", "Run a schedule's command now."),
    verb_deed("schedule pause", "schedule.pause", "Let a schedule rest until it is resumed."),
    verb_deed("schedule resume", "schedule.resume", "Have a paused schedule run again."),
    verb_deed("audit", "account.audit", "Compare an account with the ledger now."),
    verb_deed("refresh", "account.refresh", "Ask an account's venue anew for everything it lists."),
    verb_deed(
        "reconnect",
        "account.reconnect",
        "Try a venue again that refused us, once what it complained of is mended.",
    ),
    verb_deed("resolve", "order.resolve", "Your word on an UNKNOWN order, after looking at the venue."),
    Deed(
        "reload",
        "Follow the bots file again.",
        Nothing,
        role_of("desk.reload"),
        call="reload",
        errand="desk.reload",
    ),
    Deed(
        "backup",
        "Write a verified copy of the journal, while running or not.",
        BackupAsk,
        role_of("desk.backup"),
        call="backup",
        errand="desk.backup",
    ),
)

BY_NAME: dict[str, Deed] = {deed.name: deed for deed in DEEDS}


def arguments(deed: Deed) -> list[Entry]:
    """What a person gives, in order; what the deed fixes itself is left out."""
    return [
        msgspec.structs.replace(entry, help=entry.help or _meaning(deed, entry))
        for entry in form(deed.args)
        if entry.name not in deed.fixed and entry.name != "origin"
    ]


def _meaning(deed: Deed, entry: Entry) -> str:
    return OWN_FIELDS.get((deed.name, entry.name)) or FIELDS[entry.name]


def is_pairs(entry: Entry) -> bool:
    """Whether it is given as name=value, and judged by the bot's kind."""
    return isinstance(entry.shape, inspect.RawType)


def may(role: Role, deed: Deed) -> bool:
    return covers(role, deed.role)


async def carry_out(deed: Deed, args: dict[str, Any], desk: Desk, command_id: str = "", of: str = "") -> Any:
    """Ask the desk, for the person `of`. Raises `Refused` and `DeskAway` as the client does."""
    if deed.verb:
        given = {**args, **deed.fixed}
        taken: CommandTaken = await desk.command(deed.verb, command_id=command_id, of=of, **given)
        return taken
    if deed.read:
        rows = await read_rows(deed, args, desk.read)
        return with_marks(rows, await desk.read("held")) if deed.read == "positions" else rows
    if deed.call in KEPT:
        raise Refused(f"{deed.name} are in the desk's database, and the engine knows nothing of them")
    if deed.call in QUESTIONS:
        return await markets.answer(deed.call, desk.read, args)
    match deed.call:
        case "reload":
            return await desk.reload(command_id=command_id, of=of)
        case "backup":
            return await desk.backup(args["target"], command_id=command_id, of=of)
        case _:
            return await desk.status()


async def read_rows(deed: Deed, args: dict[str, Any], read: Read) -> list[dict[str, Any]]:
    """Rows of a reading deed; `read` is a desk's, or the journal's when no desk runs. Raises `Refused`."""
    given = {name: value for name, value in args.items() if value != ""}
    if deed.read != "story":
        rows = list(await read(deed.read, **given))
        return with_usual(rows) if deed.read == "lists" else rows
    of, limit = str(given["of"]), given.get("limit", STORY_ROWS)
    whose = {"bot": of} if await read("bots", bot=of, limit=1) else {"client_id": await _whole_id(of, read)}
    # The latest, then turned round: a story is read from its beginning.
    latest = list(await read("story", **whose, sort="-time", limit=limit))
    return latest[::-1]


def with_usual(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Every list that is in force: those that nobody has set hold what is usual."""
    kept = {row["name"]: row for row in rows if row["items"]}
    usual = {
        name: {"name": name, "items": ", ".join(items), "actor": "", "set_ns": 0}
        for name, items in USUAL.items()
    }
    return list({**usual, **kept}.values())


def with_marks(rows: list[dict[str, Any]], held: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Positions with what only the running engine knows: the mark, and the profit at it."""
    now = {(one["bot"], one["slot"], one["market"]): one for one in held}
    marked = []
    for row in rows:
        live = now.get((row["bot"], row["slot"], row["market"]))
        marked.append({**row, "mark": live["mark"], "unrealised": live["unrealised"]} if live else row)
    return marked


async def _whole_id(of: str, read: Read) -> str:
    """The one order whose id begins or ends like this, or that screens show like this: f0c4/1."""
    part = of.lower().lstrip("…").removeprefix("0x").replace("-", "")
    life, slash, counter = part.partition("/")
    if slash and _HEX.match(life + counter):
        part = f"{life}{counter:0>10}"
    rows = await read("orders", text=part, limit=ROWS_MAX)
    fitting = [
        row["client_id"]
        for row in rows
        if row["client_id"].startswith(part) or row["client_id"].endswith(part)
    ]
    if not fitting:
        raise Refused(f"there is no bot and no order `{of}`")
    if len(fitting) > 1:
        some = ", ".join(fitting[:3]) + (", ..." if len(fitting) > 3 else "")
        raise Refused(f"`{of}` fits {len(fitting)} orders ({some}); give more of it")
    return str(fitting[0])


# ── the reference page ──────────────────────────────────────────────────────────────────────────


def reference() -> str:
    """The generated part of `docs/reference/commands.md`."""
    lines = ["| command | who | what it does |", "|---|---|---|"]
    lines += [
        f"| [`{deed.name}`](#{deed.name.replace(' ', '-')}) | {deed.role} | {deed.help} |" for deed in DEEDS
    ]
    for deed in DEEDS:
        lines += ["", f"### {deed.name}", "", deed.help, ""]
        if deed.verb:
            lines.append(f"Journalled as `{deed.verb}`.")
        else:
            asks = "Asks the desk's database." if deed.call in KEPT else "Asks the gate."
            lines.append(f"Journalled as `{deed.errand}`." if deed.errand else asks)
        if given := arguments(deed):
            lines += ["", "| argument | type | default | meaning |", "|---|---|---|---|"]
            lines += [_line(entry) for entry in given]
    return "\n".join(lines) + "\n"


def _line(entry: Entry) -> str:
    kind, default = entry.type.replace("|", "\\|"), default_word(entry)
    shown = "required" if entry.required else f"`{default}`" if default else ""
    return f"| `{entry.name}` | {kind} | {shown} | {entry.help} |"
