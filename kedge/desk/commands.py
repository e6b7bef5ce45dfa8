"""Everything people can ask of a desk, each once: the faces of the desk are made from this list.

The command line, the web, Telegram and the reference pages read the same `Deed`s: a name in two words at
most, one sentence, typed arguments, and who may. A deed either changes something (a `verb`, journalled by
the engine), reads rows (`read`), or asks the gate itself (`call`).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta, Raw, Struct, field

from kedge.client import Desk
from kedge.model.commands import VERBS
from kedge.model.records import CommandTaken

# look: sees everything, changes nothing. trade: also bots. admin: also the desk itself.
Role = Literal["look", "trade", "admin"]
ROLES: tuple[Role, ...] = ("look", "trade", "admin")
Call = Literal["status", "bots", "reload", "backup"]

ROWS_MAX = 1000

Limit = Annotated[int, Meta(ge=1, le=ROWS_MAX, description="At most so many, the newest.")]
OfBot = Annotated[str, Meta(description="Only this bot's.")]
OfMarket = Annotated[str, Meta(description="Only this market's, like paper/main:BTC-PERP.")]


class _Ask(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class Nothing(_Ask, frozen=True):
    """No arguments."""


class OrdersAsk(_Ask, frozen=True):
    bot: OfBot = ""
    market: OfMarket = ""
    state: Annotated[str, Meta(description="Only in this state: open, unknown, filled, ...")] = ""
    limit: Limit = 50


class FillsAsk(_Ask, frozen=True):
    bot: OfBot = ""
    market: OfMarket = ""
    limit: Limit = 50


class PositionsAsk(_Ask, frozen=True):
    bot: OfBot = ""
    market: OfMarket = ""


class DecisionsAsk(_Ask, frozen=True):
    bot: OfBot = ""
    limit: Limit = 50


class NotesAsk(_Ask, frozen=True):
    bot: OfBot = ""
    level: Annotated[str, Meta(description="Only of this level: info, warn or alarm.")] = ""
    limit: Limit = 50


class CommandsAsk(_Ask, frozen=True):
    limit: Limit = 50


class ExplainAsk(_Ask, frozen=True):
    of: Annotated[str, Meta(description="A bot's name, or an order's id (its first letters are enough).")]


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
    "why": "The reason, kept in the journal.",
    "client_id": "The order's id.",
    "fate": "What you saw at the venue: it is absent, or it was cancelled.",
    "account": "The account, like paper/main.",
}


class Deed(Struct, frozen=True):
    """One thing a person can ask for. Exactly one of `verb`, `read` and `call` is set."""

    name: str
    help: str
    args: type[Struct]
    role: Role = "look"
    verb: str = ""
    read: str = ""
    call: Call | Literal[""] = ""
    # Arguments that are not the person's to choose: `bot close` is `bot.tell` with the word close.
    fixed: dict[str, object] = field(default_factory=dict)


def _verb(name: str, verb: str, help: str, role: Role = "trade") -> Deed:
    return Deed(name, help, VERBS[verb], role, verb=verb)


DEEDS: tuple[Deed, ...] = (
    Deed("status", "What the desk looks like now, most urgent first.", Nothing, call="status"),
    Deed("bots", "The bots, what they want and what holds them up.", Nothing, call="bots"),
    _verb("bot add", "bot.add", "Start a new bot."),
    _verb("bot amend", "bot.amend", "Change some parameters of a bot; what is not named stays."),
    _verb("bot pause", "bot.pause", "Take no new risk: resting orders are pulled, balancing goes on."),
    _verb("bot resume", "bot.resume", "Go on after a pause, or after a parked bot's fault was mended."),
    _verb("bot stop", "bot.stop", "Stop wanting risk, keep wanting balance, end when balanced."),
    _verb("bot kill", "bot.kill", "Cancel its orders and do nothing more, balanced or not."),
    _verb("bot rm", "bot.rm", "Forget an ended bot; its fills stay in the ledger."),
    _verb("bot tell", "bot.tell", "Say a word to a bot."),
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
    Deed("explain", "The story of an order or a bot, from intent to fill.", ExplainAsk, read="story"),
    _verb("kill", "desk.kill", "The kill switch: cancel everything, send nothing new until revived."),
    _verb("revive", "desk.revive", "Release the kill switch.", "admin"),
    _verb("audit", "account.audit", "Compare an account with the ledger now."),
    _verb("resolve", "order.resolve", "Your word on an UNKNOWN order, after looking at the venue.", "admin"),
    Deed("reload", "Follow the bots file again.", Nothing, "admin", call="reload"),
    Deed(
        "backup",
        "Write a verified copy of the journal, while running or not.",
        BackupAsk,
        "admin",
        call="backup",
    ),
)

BY_NAME: dict[str, Deed] = {deed.name: deed for deed in DEEDS}


class Argument(Struct, frozen=True):
    """One argument as a face shows it."""

    name: str
    type: Any
    help: str
    required: bool
    default: object = None
    # name=value pairs, judged by the bot's kind.
    pairs: bool = False


def arguments(deed: Deed) -> list[Argument]:
    """What a person gives, in order; what the deed fixes itself is left out."""
    hints = get_type_hints(deed.args, include_extras=True)
    made = []
    for known in msgspec.structs.fields(deed.args):
        if known.name in deed.fixed or known.name == "origin":
            continue
        default = None if known.default is msgspec.NODEFAULT else known.default
        hint = hints[known.name]
        made.append(
            Argument(
                name=known.name,
                type=hint,
                help=_described(hint) or FIELDS[known.name],
                required=known.required,
                default=default,
                pairs=hint is Raw,
            )
        )
    return made


def may(role: Role, deed: Deed) -> bool:
    return ROLES.index(role) >= ROLES.index(deed.role)


async def carry_out(deed: Deed, args: dict[str, Any], desk: Desk, command_id: str = "") -> Any:
    """Ask the desk. Raises `Refused` and `DeskAway` as the client does."""
    if deed.verb:
        taken: CommandTaken = await desk.command(deed.verb, command_id=command_id, **args, **deed.fixed)
        return taken
    if deed.read:
        given = {name: value for name, value in args.items() if value not in ("", None)}
        return await desk.read(deed.read, **given)
    match deed.call:
        case "reload":
            return await desk.reload()
        case "backup":
            return await desk.backup(args["target"])
        case _:
            return await desk.status()


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
            lines.append("Changes nothing that is journalled." if deed.call == "backup" else "Asks the gate.")
        given = arguments(deed)
        if given:
            lines += ["", "| argument | type | default | meaning |", "|---|---|---|---|"]
            lines += [f"| `{a.name}` | {type_word(a)} | {_default(a)} | {a.help} |" for a in given]
    return "\n".join(lines) + "\n"


def type_word(argument: Argument) -> str:
    if argument.pairs:
        return "name=value ..."
    base = getattr(argument.type, "__origin__", argument.type)
    if base is Literal:
        return " \\| ".join(f"`{value}`" for value in argument.type.__args__)
    return {"str": "text", "int": "whole number", "bool": "true or false"}.get(
        getattr(base, "__name__", ""), "text"
    )


def _default(argument: Argument) -> str:
    if argument.required:
        return "required"
    if argument.default in ("", None) or argument.pairs:
        return ""
    return f"`{str(argument.default).lower() if isinstance(argument.default, bool) else argument.default}`"


def _described(hint: Any) -> str:
    for extra in getattr(hint, "__metadata__", ()):
        if isinstance(extra, Meta) and extra.description:
            return extra.description
    return ""
