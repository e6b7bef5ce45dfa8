"""From what was typed to what the desk is asked: pure, and every mistake is a sentence with the right form.

A `Step` is one deed with its arguments; an `Order` is the steps of one command and, where it costs money, the
question that comes first.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
from msgspec import Struct, inspect

from kedge.bots import BUILT_IN
from kedge.desk import commands
from kedge.desk.commands import Deed
from kedge.desk.params import ParamWrong, values_from
from kedge.desk.telegram.tongue import Tongue
from kedge.desk.telegram.vocabulary import ALIASES, BY_NAME, WORDS, Word, form_of
from kedge.model.forms import Entry, form
from kedge.model.looks import BotLook, Status
from kedge.model.numbers import ZERO, BadNumber, exact, text
from kedge.model.sentences import mistake, nearest

_COMMAND = re.compile(r"^/([A-Za-z_]+)(?:@(\w+))?(?:\s+(.*))?$", re.DOTALL)
_NUMBER = re.compile(r"^[+-]?(\d[\d_]*)?([.,]\d+)?$")
_TIME = re.compile(r"^(\d{1,4})(s|m|min|h|d)?$")
_SECONDS = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, None: 60}
# A command line longer than this is no command.
LINE_MAX = 1000
WORDS_MAX = 40

# The parameters of a kind of bot; None where it has no kind of that name.
ShapeOf = Callable[[str], type[Struct] | None]

_json = msgspec.json.Decoder(float_hook=Decimal)


class Mistyped(Exception):
    """What was typed cannot be done; the text says why and shows the right form."""


class Typed(Struct, frozen=True):
    word: Word
    args: tuple[str, ...]


class Step(Struct, frozen=True):
    deed: str
    args: dict[str, Any]


class Order(Struct, frozen=True):
    """`question` is empty where it is done at once."""

    steps: tuple[Step, ...]
    question: str = ""


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def read(line: str, me: str, say: Tongue) -> Typed | None:
    """The command of a message; None where it is for another bot. Raises `Mistyped`."""
    match = _COMMAND.match(line.strip()[:LINE_MAX])
    if match is None:
        raise Mistyped(say("Commands begin with a slash; /help lists them."))
    name, whom, rest = match[1].lower(), match[2], match[3] or ""
    if whom and whom.lower() != me.lower():
        return None
    name = ALIASES.get(name, name)
    if name not in BY_NAME:
        near = nearest(name, [word.name for word in WORDS])
        hint = say("did you mean /{near}?", near=near) if near else say("/help lists what there is.")
        raise Mistyped(say("There is no /{name}; {hint}", name=name, hint=hint))
    args = tuple(rest.split())
    if len(args) > WORDS_MAX:
        raise wrong(BY_NAME[name], say)
    return Typed(BY_NAME[name], args)


def wrong(word: Word, say: Tongue, why: str = "") -> Mistyped:
    right = say("Write it like this: {form}", form=form_of(word))
    return Mistyped(f"{why}\n{right}" if why else right)


def count(typed: Typed, usual: int, most: int, say: Tongue) -> int:
    """The one number that a command may have."""
    if not typed.args:
        return usual
    if len(typed.args) > 1 or not typed.args[0].isdigit() or not 1 <= int(typed.args[0]) <= most:
        raise wrong(typed.word, say, say("A number from 1 to {most} is wanted.", most=most))
    return int(typed.args[0])


def at_most_one(typed: Typed, say: Tongue) -> str:
    if len(typed.args) > 1:
        raise wrong(typed.word, say)
    return typed.args[0] if typed.args else ""


def exactly_one(typed: Typed, say: Tongue) -> str:
    if len(typed.args) != 1:
        raise wrong(typed.word, say)
    return typed.args[0]


def seconds(value: str) -> int | None:
    """`2h`, `30m`, `90` (minutes)."""
    match = _TIME.match(value)
    return int(match[1]) * _SECONDS[match[2]] if match else None


def number(value: str) -> Decimal | None:
    """A number as people type it, comma or point; None where it is none or not above zero."""
    if not value or not _NUMBER.match(value):
        return None
    try:
        found = exact(value.replace("_", "").replace(",", "."))
    except BadNumber:
        return None
    return found if found > ZERO else None


# ── what it costs money to do ───────────────────────────────────────────────────────────────────


def hedge(typed: Typed, status: Status, name: str, say: Tongue) -> Order:
    """`/hedge <qty> [market] [sell|buy]`: the market may be left out where there is one perpetual only."""
    args = [one for one in typed.args if one.lower() not in ("sell", "buy")]
    sides = [one.lower() for one in typed.args if one.lower() in ("sell", "buy")]
    qty = number(args[0]) if args else None
    if qty is None or len(args) > 2 or len(sides) > 1:
        raise wrong(typed.word, say)
    market = market_named(args[1], status, say) if len(args) == 2 else _only_market(typed.word, status, say)
    side = sides[0] if sides else "sell"
    config = {"market": market, "qty": text(qty), "side": side}
    step = Step("bot add", {"name": name, "kind": "hedge", "config": config})
    what = say("Open a hedge: {side} {amount} of {market}?", side=say(side), amount=text(qty), market=market)
    return Order((step,), _real(what, market, status, say))


def close(typed: Typed, status: Status, say: Tongue) -> Order:
    bot = bot_named(exactly_one(typed, say), status, say)
    question = say("Have {bot} close what it opened?", bot=bot.bot)
    return Order((Step("bot close", {"name": bot.bot}),), question)


def forceexit(typed: Typed, status: Status, say: Tongue) -> Order:
    given = exactly_one(typed, say)
    alive = [bot for bot in status.bots if bot.phase in ("running", "paused", "parked")]
    meant = alive if given.lower() == "all" else [bot_named(given, status, say)]
    if not meant:
        raise Mistyped(say("No bot is at work."))
    names = ", ".join(bot.bot for bot in meant)
    return Order(tuple(_exit(bot) for bot in meant), say("Close out {names}?", names=names))


def all_bots(typed: Typed, status: Status, say: Tongue) -> Order:
    """/start, /stop, /stopbot, /pause and /resume: one bot or all that it can be said of."""
    deed, phases, question = {
        "start": ("bot resume", ("paused",), say("Resume {names}?", names="{names}")),
        "resume": ("bot resume", ("paused",), say("Resume {names}?", names="{names}")),
        "stop": ("stop", ("running", "paused"), say("Stop {names}?", names="{names}")),
        "stopbot": ("bot stop", (), say("Stop {names}?", names="{names}")),
        "pause": ("bot pause", ("running",), ""),
    }[typed.word.name]
    if typed.word.name in ("start", "stop") and typed.args:
        raise wrong(typed.word, say)
    if typed.word.name == "stopbot" and not typed.args:
        raise wrong(typed.word, say)
    given = at_most_one(typed, say)
    if given:
        meant = [bot_named(given, status, say).bot]
    else:
        meant = [bot.bot for bot in status.bots if bot.phase in phases]
    if not meant:
        raise Mistyped(say("There is no bot that this could be said of."))
    steps = tuple(Step(deed, {"name": name}) for name in meant)
    if typed.word.name == "stop":
        steps = (Step("stop", {}),)
    return Order(steps, question.format(names=", ".join(meant)) if question else "")


def cancel(typed: Typed, status: Status, say: Tongue) -> Order:
    given = at_most_one(typed, say)
    if "cancel" not in commands.BY_NAME:
        raise Mistyped(say("This desk cannot cancel by itself; /kill cancels everything."))
    if not given:
        return Order((Step("cancel", {"why": "asked by Telegram"}),))
    whose = "account" if given in [one.account for one in status.accounts] else "bot"
    if whose == "bot":
        given = bot_named(given, status, say).bot
    return Order((Step("cancel", {whose: given, "why": "asked by Telegram"}),))


def built_in_shape(kind: str) -> type[Struct] | None:
    return BUILT_IN[kind].Config if kind in BUILT_IN else None


def anything(typed: Typed, status: Status | None, say: Tongue, shape_of: ShapeOf = built_in_shape) -> Order:
    """/do: a deed by its name, required arguments in their order, others as name=value."""
    deed, rest = _deed_of(typed, say)
    args: dict[str, Any] = {}
    places = [one for one in commands.arguments(deed) if one.required and not commands.is_pairs(one)]
    pairs = [one for one in commands.arguments(deed) if commands.is_pairs(one)]
    named = {one.name: one for one in commands.arguments(deed)}
    free: dict[str, str] = {}
    for given in rest:
        name, equals, value = given.partition("=")
        if equals and name in named and not commands.is_pairs(named[name]):
            args[name] = _value(value, named[name], say)
        elif equals and pairs:
            free[name] = value
        elif places:
            entry = places.pop(0)
            args[entry.name] = _value(given, entry, say)
        else:
            raise Mistyped(do_form(deed, say))
    if [one for one in places if one.name not in args]:
        raise Mistyped(do_form(deed, say))
    for entry in pairs:
        args[entry.name] = _pairs(deed, args, free, status, shape_of)
    asks = deed.role != "look"
    shown = " ".join(rest)
    question = say("Do this: {what}?", what=f"{deed.name} {shown}".strip()) if asks else ""
    return Order((Step(deed.name, args),), question)


def do_form(deed: Deed, say: Tongue) -> str:
    parts = []
    for entry in commands.arguments(deed):
        if commands.is_pairs(entry):
            parts.append("name=value ...")
        else:
            parts.append(f"<{entry.name}>" if entry.required else f"[{entry.name}=...]")
    return say("Write it like this: {form}", form=f"/do {deed.name} {' '.join(parts)}".rstrip())


# ── what is meant ───────────────────────────────────────────────────────────────────────────────


def market_named(given: str, status: Status, say: Tongue) -> str:
    """`BTC-PERP` where one account trades it, or the whole `paper/main:BTC-PERP`; letters' size is free."""
    known = [market.market for account in status.accounts for market in account.markets]
    accounts = [account.account for account in status.accounts]
    wanted = given.lower()
    fitting = [one for one in known if wanted in (one.lower(), one.partition(":")[2].lower())]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise Mistyped(say("{given} is traded at several: {some}", given=given, some=", ".join(fitting)))
    account, colon, symbol = given.partition(":")
    if colon and account in accounts and symbol:
        return given  # one that nobody watches yet
    if not colon and len(accounts) == 1 and given[:1].isalpha():
        near = nearest(given.upper(), [one.partition(":")[2] for one in known])
        if near:
            raise Mistyped(say("There is no market {given}; did you mean {near}?", given=given, near=near))
        return f"{accounts[0]}:{given}"
    some = ", ".join(known[:6])
    raise Mistyped(say("There is no market {given}. Known are: {some}", given=given, some=some))


def bot_named(given: str, status: Status, say: Tongue) -> BotLook:
    for bot in status.bots:
        if bot.bot.lower() == given.lower():
            return bot
    names = [bot.bot for bot in status.bots]
    near = nearest(given, names)
    if near:
        raise Mistyped(say("There is no bot {given}; did you mean {near}?", given=given, near=near))
    raise Mistyped(say("There is no bot {given}; /bots lists them.", given=given))


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _exit(bot: BotLook) -> Step:
    kind = BUILT_IN.get(bot.kind)
    closes = kind is not None and "close" in kind.words
    return Step("bot close" if closes else "bot stop", {"name": bot.bot})


def _only_market(word: Word, status: Status, say: Tongue) -> str:
    perpetuals = [
        market.market
        for account in status.accounts
        for market in account.markets
        if "perp" in market.market.lower()
    ]
    if len(perpetuals) != 1:
        raise wrong(word, say, say("Say which market."))
    return perpetuals[0]


def _real(question: str, market: str, status: Status, say: Tongue) -> str:
    """What a person should know before they press yes."""
    account = market.partition(":")[0]
    look = next((one for one in status.accounts if one.account == account), None)
    if look is not None and not look.ready:
        why = look.why or say("its link is down")
        question += "\n" + say("{account} is not ready now: {why}", account=account, why=why)
    if status.killed:
        question += "\n" + say("The kill switch is on: nothing will be sent before /revive.")
    return question


def _deed_of(typed: Typed, say: Tongue) -> tuple[Deed, list[str]]:
    if not typed.args:
        known = ", ".join(commands.BY_NAME)
        raise wrong(typed.word, say, say("The desk's commands: {known}", known=known))
    two, rest = " ".join(typed.args[:2]).lower(), list(typed.args[2:])
    if two in commands.BY_NAME:
        return commands.BY_NAME[two], rest
    one, rest = typed.args[0].lower(), list(typed.args[1:])
    if one in commands.BY_NAME:
        return commands.BY_NAME[one], rest
    near = nearest(two, list(commands.BY_NAME)) or nearest(one, list(commands.BY_NAME))
    hint = say("did you mean {near}?", near=near) if near else say("/do lists them.")
    raise Mistyped(say("There is no command {one}; {hint}", one=one, hint=hint))


def _value(given: str, entry: Entry, say: Tongue) -> Any:
    try:
        value = msgspec.convert(given, entry.hint, strict=False)
    except msgspec.ValidationError as error:
        raise Mistyped(mistake(error, entry.hint, f"`{entry.name}`")) from None
    return msgspec.to_builtins(value)


def _pairs(
    deed: Deed, args: dict[str, Any], free: dict[str, str], status: Status | None, shape_of: ShapeOf
) -> dict[str, Any]:
    """Parameters of a bot by its kind's types, as the form on the page reads them; others as JSON or text."""
    kind = str(args.get("kind", ""))
    if not kind and status is not None:
        kind = next((bot.kind for bot in status.bots if bot.bot == args.get("name")), "")
    wanted = deed.verb.startswith(("bot.add", "bot.amend"))
    shape = shape_of(kind) if kind and wanted else None
    if shape is None:
        return {name: _guess(value) for name, value in free.items()}
    decimals = [entry.name for entry in form(shape) if isinstance(entry.shape, inspect.DecimalType)]
    given = {name: value.replace(",", ".") if name in decimals else value for name, value in free.items()}
    try:
        return values_from(given, shape, deed.name, whole=deed.verb == "bot.add")
    except ParamWrong as wrong_:
        raise Mistyped(str(wrong_)) from None


def _guess(value: str) -> Any:
    try:
        return msgspec.to_builtins(_json.decode(value), builtin_types=(Decimal,))
    except msgspec.DecodeError:
        return value
