"""Where a message becomes an answer, and a press of a button a deed.

    hear    a command that was typed: answered, done, or answered with a question and two buttons
    press   a button: yes, no, another page, a language

Everything that changes something goes through `commands.carry_out`, under ids made from the message that
asked: Telegram may deliver it again, we may die in the middle and come back, and the engine does it once. Who
may do what is judged when it is typed and again when it is pressed.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Sequence
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from msgspec import Struct

from kedge import kinds
from kedge.client import DeskAway, Refused
from kedge.desk import commands
from kedge.desk.commands import Role
from kedge.desk.notices import LEVELS
from kedge.desk.parts import DeskContext
from kedge.desk.screens import span
from kedge.desk.tables.people import DatabaseTrouble
from kedge.desk.telegram import asks, traders, views, vocabulary
from kedge.desk.telegram.asks import Mistyped, Order, Step, Typed
from kedge.desk.telegram.memory import ANSWER_NS, SECOND_NS, Memory, Question
from kedge.desk.telegram.phone import Answer, clean
from kedge.desk.telegram.reads import OLD_NS, READERS, Reads
from kedge.desk.telegram.tongue import LANGUAGES, Tongue
from kedge.desk.telegram.traders import Then
from kedge.desk.telegram.views import Eyes
from kedge.model.looks import Preview, Status
from kedge.model.records import CommandTaken
from kedge.settings.notice_sections import NOTICE_KINDS

# What was sent so long before we read it is not done any more: the market is another one.
LATE_NS = 120 * SECOND_NS
MUTE_S = 3600
MUTE_MOST_S = 30 * 86_400
DATA_MAX = 64
DONE = "✓"
# After a /cancel of whole accounts it is looked this often, this far apart, for what remains.
REMAINS_LOOKS, REMAINS_S = 10, 0.5


class Person(Struct, frozen=True):
    name: str  # what their commands are recorded under
    role: Role


class Heard(Struct, frozen=True):
    """A message. `key` is the same when it is delivered again, and no other's."""

    chat: str
    person: Person
    key: str
    sent_ns: int
    line: str


class Pressed(Struct, frozen=True):
    chat: str
    person: Person
    key: str
    data: str


class Button(Struct, frozen=True):
    label: str
    data: str


class Reply(Struct, frozen=True):
    """What is sent, or put in the place of the message whose button was pressed. `toast` is shown in passing;
    where there is no text, only that is."""

    text: str = ""
    buttons: tuple[tuple[Button, ...], ...] = ()
    picture: bytes = b""
    toast: str = ""


class Office:
    def __init__(self, context: DeskContext, memory: Memory, me: Callable[[], str]) -> None:
        """`me` is the bot's own name in Telegram, once it is known."""
        self._context, self._memory, self._me = context, memory, me
        self._reads = Reads(context)
        zone = context.settings.notices.zone
        self._zone = ZoneInfo(zone)

    async def hear(self, heard: Heard) -> Reply | None:
        """None where it is for another bot, or no command at all in a group."""
        eyes = await self._eyes(heard.chat)
        try:
            typed = asks.read(heard.line, self._me(), eyes.say)
            return await self._said(typed, heard, eyes) if typed is not None else None
        except (Mistyped, Refused, DeskAway, DatabaseTrouble) as wrong:
            return Reply(_wrong(wrong, eyes.say))

    async def press(self, pressed: Pressed) -> Reply:
        eyes = await self._eyes(pressed.chat)
        sort, _, rest = pressed.data.partition(":")
        try:
            if sort in ("y", "n"):
                return await self._decided(sort == "y", rest, pressed, eyes)
            if sort == "g":
                return await self._turned(rest, pressed, eyes)
            if sort == "l":
                return await self._speak(rest, pressed.chat)
        except (Mistyped, Refused, DeskAway, DatabaseTrouble) as wrong:
            return Reply(toast=_plain(_wrong(wrong, eyes.say)))
        return Reply(toast=eyes.say("This button is of another time; type the command again."))

    # ── what was typed ──────────────────────────────────────────────────────────────────────

    async def _said(self, typed: Typed, heard: Heard, eyes: Eyes) -> Reply:
        word, say = typed.word, eyes.say
        if word.name == "start" and heard.person.role == "look":
            return self._paged(views.help_("", heard.person.role, say), "/help", 0, eyes)
        elif not vocabulary.may(heard.person.role, word):
            return Reply(_refusal(heard.person, f"/{word.name}", say))
        if word.name == "mute":
            return await self._mute(typed, heard.chat, eyes)
        if word.name == "language":
            return await self._language(typed, heard.chat, eyes)
        if word.name == "start" and not typed.args and not self._is_paused():
            # How every chat with a bot begins.
            return self._paged(views.help_("", heard.person.role, say), "/help", 0, eyes)
        if (word.name in READERS and not _starts(typed)) or word.name == "help":
            return await self._read(typed, heard.person, 0, eyes)
        return await self._change(typed, heard, eyes)

    async def _read(self, typed: Typed, person: Person, page: int, eyes: Eyes) -> Reply:
        answer = await self._reads.answer(typed, person.role, eyes)
        return self._paged(answer, f"/{typed.word.name} {' '.join(typed.args)}".rstrip(), page, eyes)

    def _paged(self, answer: Answer, line: str, page: int, eyes: Eyes) -> Reply:
        pages = answer.pages()
        page = max(0, min(page, len(pages) - 1))
        old = self._context.link.age_ns()
        said = pages[page]
        if self._context.link.away or old > OLD_NS:
            said = eyes.say("The engine is away; this is {time} old.", time=span(old)) + "\n" + said
        buttons: list[Button] = []
        for label, to in (("◀", page - 1), ("▶", page + 1)):
            data = f"g:{to}:{line}"
            if 0 <= to < len(pages) and len(data.encode()) <= DATA_MAX:
                buttons.append(Button(f"{label} {to + 1}/{len(pages)}", data))
        return Reply(said, (tuple(buttons),) if buttons else (), answer.picture)

    async def _turned(self, rest: str, pressed: Pressed, eyes: Eyes) -> Reply:
        page, _, line = rest.partition(":")
        typed = asks.read(line, self._me(), eyes.say)
        if typed is None or not page.isdigit() or not vocabulary.may(pressed.person.role, typed.word):
            return Reply(toast=eyes.say("This button is of another time; type the command again."))
        if typed.word.name == "do":
            order = await self._anything(typed, self._context.link.status, eyes.say)
            if order.question:
                return Reply(toast=eyes.say("This button is of another time; type the command again."))
            return self._paged(await self._reads.rows(order.steps[0], eyes), line, int(page), eyes)
        if (typed.word.name not in READERS or _starts(typed)) and typed.word.name != "help":
            return Reply(toast=eyes.say("This button is of another time; type the command again."))
        return await self._read(typed, pressed.person, int(page), eyes)

    def _is_paused(self) -> bool:
        now = self._context.link.status
        return now is not None and any(bot.phase == "paused" for bot in now.bots)

    # ── what changes something ──────────────────────────────────────────────────────────────

    async def _change(self, typed: Typed, heard: Heard, eyes: Eyes) -> Reply:
        order = await self._order(typed, heard, eyes)
        for step in order.steps:
            if not commands.may(heard.person.role, commands.BY_NAME[step.deed]):
                return Reply(_refusal(heard.person, step.deed, eyes.say))
        if all(_only_looks(step) for step in order.steps):
            line = f"/{typed.word.name} {' '.join(typed.args)}".rstrip()
            return self._paged(await self._reads.rows(order.steps[0], eyes), line, 0, eyes)
        token = _token(heard)
        late = self._context.clock() - heard.sent_ns > LATE_NS
        if not order.question:
            if late and not await self._was_done(f"tg-{token}-0"):
                return Reply(self._too_late(heard, eyes))
            said = await self._carry_out(order.steps, token, heard.person)
            if typed.word.name == "cancel":
                said += await self._remains(order.steps, eyes)
            after = traders.then(typed, order, eyes.say) if said.startswith(DONE) else None
            return await self._offered(said, after, heard, eyes) if after else Reply(_escaped(said))
        if late and await asyncio.to_thread(self._memory.question, token) is None:
            return Reply(self._too_late(heard, eyes))
        return await self._ask(order.steps, order.question, token, heard, eyes)

    async def _ask(
        self, steps: tuple[Step, ...], question: str, token: str, heard: Heard, eyes: Eyes
    ) -> Reply:
        """Keep the question, and put it with two buttons; where it was answered, say what came of it."""
        expires_ns = self._context.clock() + ANSWER_NS
        asked = Question(token, heard.chat, heard.person.name, steps, question, expires_ns)
        kept = await asyncio.to_thread(self._memory.ask, asked)
        if kept.state == "asked":
            buttons = (Button(eyes.say("Yes, do it"), f"y:{token}"), Button(eyes.say("No"), f"n:{token}"))
            return Reply(_escaped(kept.question), (buttons,))
        return Reply(_escaped(f"{kept.question}\n{kept.answer or eyes.say('It is being done.')}"))

    async def _offered(self, said: str, after: Then, heard: Heard, eyes: Eyes) -> Reply:
        """What was done, and what may be done next; its key is another one than that of the first."""
        token = hashlib.sha256(f"then/{heard.chat}/{heard.key}".encode()).hexdigest()[:24]
        return await self._ask(after.steps, f"{said}\n{after.question}", token, heard, eyes)

    async def _remains(self, steps: Sequence[Step], eyes: Eyes) -> str:
        """What is still open some moments after all was to be cancelled; what takes longer is told later."""
        if any(step.args.get("bot") for step in steps):
            return ""
        left: list[str] = []
        for look in range(REMAINS_LOOKS):
            try:
                now = await self._context.link.fresh()
            except (DeskAway, Refused, TimeoutError):
                return ""  # what was done is said; the rest is told when the engine is there again
            left = [one.sweeping for one in now.accounts if one.sweeping]
            if not left:
                return "\n" + eyes.say("No order is open there any more.")
            if look < REMAINS_LOOKS - 1:
                await asyncio.sleep(REMAINS_S)
        return "\n" + clean_lines(left)

    async def _order(self, typed: Typed, heard: Heard, eyes: Eyes) -> Order:
        """What is meant, by a picture of the desk that is new."""
        name, say = typed.word.name, eyes.say
        if name in ("kill", "revive"):  # these need no picture, and must not wait for one
            why = " ".join(typed.args) or f"{heard.person.name} by Telegram"
            question = say("Release the kill switch? Bots trade again at once.") if name == "revive" else ""
            return Order((Step(name, {"why": why}),), question)
        try:
            now = await self._context.link.fresh()
        except TimeoutError:
            raise DeskAway("it does not answer; is it stuck?") from None
        if name in traders.WORDS:
            return await traders.order(typed, now, self._foresee, say)
        if name == "hedge":
            return asks.hedge(typed, now, _bot_name(name, typed, heard), say)
        if name == "close":
            return asks.close(typed, now, say)
        if name == "forceexit":
            return asks.forceexit(typed, now, say)
        if name == "cancel":
            return asks.cancel(typed, now, say)
        if name == "do":
            return await self._anything(typed, now, say)
        return asks.all_bots(typed, now, say)

    async def _anything(self, typed: Typed, now: Status | None, say: Tongue) -> Order:
        """Apart from the loop: a person's own kind is imported to see its parameters."""
        return await asyncio.to_thread(asks.anything, typed, now, say, self._shape_of)

    def _shape_of(self, kind: str) -> type[Struct] | None:
        try:
            return kinds.find(kind, self._context.home.bots_folder).Config
        except kinds.NoKind as unknown:
            raise Mistyped(str(unknown)) from None

    async def _foresee(self, verb: str, args: dict[str, Any]) -> Preview:
        found = await self._context.link.desk("telegram").read("preview", verb=verb, args=args)
        return msgspec.convert(found, Preview)

    async def _decided(self, yes: bool, token: str, pressed: Pressed, eyes: Eyes) -> Reply:
        say = eyes.say
        kept = await asyncio.to_thread(self._memory.question, token)
        if kept is None or kept.chat != pressed.chat:
            return Reply(toast=say("This button is of another time; type the command again."))
        if kept.person != pressed.person.name:
            return Reply(toast=say("Only who asked may answer this."))
        if kept.state in ("done", "dropped"):
            return Reply(_escaped(f"{kept.question}\n{kept.answer}"), toast=kept.answer[:180])
        for step in kept.steps:
            if not commands.may(pressed.person.role, commands.BY_NAME[step.deed]):
                return Reply(toast=_plain(_refusal(pressed.person, step.deed, say)))
        if kept.state == "asked":
            over = self._context.clock() >= kept.expires_ns
            if over or not yes:
                answer = say("Too late: nothing was done.") if over else say("Nothing was done.")
                await asyncio.to_thread(self._memory.move, token, ("asked",), "dropped", answer)
                return Reply(_escaped(f"{kept.question}\n{answer}"), toast=answer)
            await asyncio.to_thread(self._memory.move, token, ("asked",), "taken")
        elif not yes:
            return Reply(toast=say("It is being done."))
        elif self._context.clock() > kept.expires_ns + LATE_NS and not await self._was_done(f"tg-{token}-0"):
            answer = say("Too late: nothing was done.")
            await asyncio.to_thread(self._memory.move, token, ("taken",), "dropped", answer)
            return Reply(_escaped(f"{kept.question}\n{answer}"), toast=answer)
        said = await self._carry_out(kept.steps, token, pressed.person)
        await asyncio.to_thread(self._memory.move, token, ("taken",), "done", said)
        return Reply(_escaped(f"{kept.question}\n{said}"), toast=said[:180])

    async def _carry_out(self, steps: Sequence[Step], token: str, person: Person) -> str:
        """One line per step. A refusal of one does not keep the next from being tried."""
        desk = self._context.link.desk("telegram")
        lines = []
        for number, step in enumerate(steps):
            deed = commands.BY_NAME[step.deed]
            try:
                done = await commands.carry_out(
                    deed, dict(step.args), desk, f"tg-{token}-{number}", person.name
                )
                lines.append(f"{DONE} {done.says if isinstance(done, CommandTaken) else done}")
            except Refused as refused:
                lines.append(f"✗ {refused}")
        return clean_lines(lines)

    async def _was_done(self, command_id: str) -> bool:
        """Whether a message that comes late is one that was obeyed in time, and only its answer was lost."""
        rows = await self._context.link.desk("telegram").read("commands", text=command_id, limit=1)
        return bool(rows)

    def _too_late(self, heard: Heard, eyes: Eyes) -> str:
        age = span(self._context.clock() - heard.sent_ns)
        said = eyes.say(
            "You wrote this {time} ago and it was not done: say it again if it is still meant.", time=age
        )
        return _escaped(said)

    # ── the chat itself ─────────────────────────────────────────────────────────────────────

    async def _mute(self, typed: Typed, chat: str, eyes: Eyes) -> Reply:
        say, now_ns = eyes.say, self._context.clock()
        if typed.args == ("off",):
            await asyncio.to_thread(self._memory.unmute, chat)
            return Reply(say("Nothing is muted any more."))
        if not typed.args:
            mutes = await asyncio.to_thread(self._memory.mutes, chat, now_ns)
            lines = [f"{kind}: {say('until {time}', time=eyes.when(until))}" for kind, until in mutes.items()]
            return Reply(_escaped("\n".join(lines) or say("Nothing is muted.")))
        times = [asks.seconds(one) for one in typed.args]
        kinds = [one.lower() for one, time in zip(typed.args, times, strict=True) if time is None]
        given = [time for time in times if time is not None]
        known = ("all", *LEVELS, *NOTICE_KINDS)
        if len(kinds) > 1 or len(given) > 1 or (kinds and kinds[0] not in known):
            raise asks.wrong(typed.word, say, say("Kinds are: {known}", known=", ".join(known)))
        kind, time = (kinds or ["all"])[0], min((given or [MUTE_S])[0], MUTE_MOST_S)
        until_ns = now_ns + time * SECOND_NS
        await asyncio.to_thread(self._memory.mute, chat, kind, until_ns)
        said = say("{kind} is muted until {time}.", kind=kind, time=eyes.when(until_ns))
        if kind == "all":
            said += " " + say("Alarms are not; /mute alarm does that too.")
        return Reply(_escaped(said))

    async def _language(self, typed: Typed, chat: str, eyes: Eyes) -> Reply:
        given = asks.at_most_one(typed, eyes.say).lower()
        if not given:
            row = tuple(Button(name, f"l:{code}") for code, name in LANGUAGES.items())
            return Reply(eyes.say("Which language?"), (row,))
        if given not in LANGUAGES:
            raise asks.wrong(typed.word, eyes.say)
        return await self._speak(given, chat)

    async def _speak(self, language: str, chat: str) -> Reply:
        if language not in LANGUAGES:
            return Reply(toast="?")
        await asyncio.to_thread(self._memory.speak, chat, language)
        return Reply(Tongue(language)("This chat speaks English now."))

    async def _eyes(self, chat: str) -> Eyes:
        try:
            chosen = await asyncio.to_thread(self._memory.language, chat)
        except DatabaseTrouble:
            chosen = ""
        language = chosen or self._context.settings.telegram.language
        return Eyes(Tongue(language), self._context.clock(), self._zone)


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def clean_lines(lines: Sequence[str]) -> str:
    return "\n".join(clean(line)[:400] for line in lines)[:3000]


def _starts(typed: Typed) -> bool:
    """/spreads lists them, and starts one where it is told which."""
    return typed.word.name == "spreads" and bool(typed.args)


def _only_looks(step: Step) -> bool:
    return commands.told(commands.BY_NAME[step.deed])


def _token(heard: Heard) -> str:
    """Of the message that asked: the same when it is delivered again."""
    return hashlib.sha256(f"{heard.chat}/{heard.key}".encode()).hexdigest()[:24]


def _bot_name(word: str, typed: Typed, heard: Heard) -> str:
    """A name that says what it does, and that the same message gives again."""
    symbols = [one for one in typed.args if asks.number(one) is None and one.lower() not in ("sell", "buy")]
    symbol = symbols[0].rpartition(":")[2].lower() if symbols else ""
    kept = "".join(c if c.isascii() and c.isalnum() else "-" for c in symbol).strip("-")[:30]
    return "-".join(part for part in (word, kept, _token(heard)[:5]) if part)


def _refusal(person: Person, what: str, say: Tongue) -> str:
    return _escaped(say("Your role ({role}) does not allow {what}.", role=person.role, what=what))


def _wrong(wrong: Exception, say: Tongue) -> str:
    if isinstance(wrong, DeskAway):
        said = say("The engine is away: {why}", why=str(wrong))
        rest = (
            say("It is not known whether it was done; press or ask again, it is done once.")
            if wrong.command_id
            else say("Nothing was done, and nothing is kept for later.")
        )
        return _escaped(f"{said}\n{rest}")
    if isinstance(wrong, DatabaseTrouble):
        return _escaped(say("The desk's database is away; nothing was done. {why}", why=str(wrong)))
    return _escaped(str(wrong))


def _escaped(said: str) -> str:
    return said.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(said: str) -> str:
    """For a toast, which knows no markup; at most 200 letters."""
    return said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")[:190]
