"""The bot while it runs: updates in, by long polling or webhook, and answers out.

One process asks for a token's updates at a time: a lease in the people's database keeps our own apart, and
Telegram's 409 tells of strangers. An update counts as received only after what it asked for is durable: until
then Telegram keeps it and delivers it again. Updates of one chat are worked on one after the other, those of
different chats side by side.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from collections.abc import Awaitable, Callable, Sequence

from aiogram import Bot
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    Update,
)

from kedge.desk.parts import DeskContext
from kedge.desk.post.lease import RENEW_S, Leases, new_holder
from kedge.desk.tables.people import DatabaseTrouble, PeopleDatabase, people_of
from kedge.desk.telegram import botapi
from kedge.desk.telegram.memory import Memory
from kedge.desk.telegram.office import Button, Heard, Office, Pressed, Reply
from kedge.desk.telegram.people import may_be_here, person_of
from kedge.desk.telegram.tongue import LANGUAGES, Tongue
from kedge.desk.telegram.vocabulary import WORDS
from kedge.settings import Secret

SECOND_NS = 1_000_000_000
POLL_S = 25
BATCH_MAX = 50
AGAIN_S = 2.0
# After a 409 the other program is given time to end; after a wrong token a person is.
CONFLICT_S = 15.0
TOKEN_S = 60.0
TIDY_S = 600.0
KINDS = ["message", "callback_query"]


async def run(context: DeskContext) -> None:
    """The part of the desk process. Raises `SettingsWrong` where the token is missing or is none."""
    people: PeopleDatabase = context.people or people_of(context.home, context.settings, context.secrets)
    settings = context.settings.telegram
    token = context.secrets.find(settings.token, "[telegram]")
    bot = botapi.make_bot(settings, token)
    desk = TelegramDesk(context, people, bot, token)
    try:
        await desk.run()
    finally:
        await bot.session.close()


class LeaseLost(Exception):
    """Another desk process asks for this token's updates now."""


class TelegramDesk:
    def __init__(self, context: DeskContext, people: PeopleDatabase, bot: Bot, token: Secret) -> None:
        self._context, self._bot, self._token = context, bot, token
        self._settings = context.settings.telegram
        self._leases, self._memory = Leases(people), Memory(people)
        self._lease = f"telegram/{hashlib.sha256(token.reveal().encode()).hexdigest()[:12]}"
        self._holder = new_holder()
        self._name = ""
        self._office = Office(context, self._memory, lambda: self._name)
        self.strangers = 0  # messages of people who are not in the settings
        self.answered = 0

    async def run(self) -> None:
        try:
            while True:
                with contextlib.suppress(LeaseLost):
                    try:
                        await self._life()
                    except DatabaseTrouble as trouble:
                        self._say(str(trouble))
                await asyncio.sleep(AGAIN_S)
        finally:
            with contextlib.suppress(DatabaseTrouble):
                await asyncio.to_thread(self._leases.leave, self._lease, self._holder)

    async def _life(self) -> None:
        await asyncio.to_thread(self._leases.open)
        await asyncio.to_thread(self._memory.open)
        while other := await self._take():
            self._say(f"Telegram is answered by another desk process ({other})")
            await asyncio.sleep(AGAIN_S)
        self._say("")
        await self._introduce()
        receive = self._hook() if self._settings.webhook else self._poll()
        work = [asyncio.ensure_future(one) for one in (receive, self._renew(), self._tidy())]
        try:
            await asyncio.gather(*work)
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def _take(self) -> str:
        return await asyncio.to_thread(self._leases.take, self._lease, self._holder, self._context.clock())

    async def _renew(self) -> None:
        while True:
            await asyncio.sleep(RENEW_S)
            if await self._take():
                raise LeaseLost

    async def _tidy(self) -> None:
        while True:
            await asyncio.to_thread(self._memory.tidy, self._context.clock())
            await asyncio.sleep(TIDY_S)

    async def _introduce(self) -> None:
        """Our name, and the menu of commands in each language; asked for until Telegram answers."""
        while True:
            try:
                self._name = (await botapi.patiently(self._bot.get_me)).username or ""
                for language in LANGUAGES:
                    await self._menu(language)
                return
            except botapi.AiogramError as wrong:
                await self._troubled(wrong)

    async def _menu(self, language: str) -> None:
        say = Tongue(language)
        words = [BotCommand(command=word.name, description=say(word.help)[:256]) for word in WORDS]
        code = None if language == "en" else language
        await botapi.patiently(lambda: self._bot.set_my_commands(words, language_code=code))

    # ── receiving ───────────────────────────────────────────────────────────────────────────────

    async def _poll(self) -> None:
        await self._unhook()
        offset: int | None = None
        while True:
            try:
                updates = await self._bot.get_updates(
                    offset=offset,
                    limit=BATCH_MAX,
                    timeout=POLL_S,
                    allowed_updates=KINDS,
                    request_timeout=POLL_S + 10,
                )
            except botapi.AiogramError as wrong:
                await self._troubled(wrong)
                continue
            self._say("")
            await self.take_in(updates)
            # Only now: the next question tells Telegram that these are done.
            offset = updates[-1].update_id + 1 if updates else offset

    async def _unhook(self) -> None:
        """A webhook of an earlier setting would keep updates from us."""
        while True:
            try:
                await botapi.patiently(lambda: self._bot.delete_webhook(drop_pending_updates=False))
                return
            except botapi.AiogramError as wrong:
                await self._troubled(wrong)

    async def _hook(self) -> None:
        from kedge.desk.telegram.hook import listening

        secret = self._context.secrets.find(self._settings.webhook_secret, "[telegram]")
        async with listening(self._settings, secret, self.take_in):
            while True:
                try:
                    await botapi.patiently(
                        lambda: self._bot.set_webhook(
                            self._settings.webhook, secret_token=secret.reveal(), allowed_updates=KINDS
                        )
                    )
                    break
                except botapi.AiogramError as wrong:
                    await self._troubled(wrong)
            self._say("")
            await asyncio.Event().wait()

    async def _troubled(self, wrong: Exception) -> None:
        self._say(botapi.said_of(wrong, self._settings, self._token))
        wait_s = AGAIN_S
        if isinstance(wrong, botapi.TelegramConflictError):
            wait_s = CONFLICT_S
        elif isinstance(wrong, (botapi.TelegramUnauthorizedError, botapi.TelegramNotFound)):
            wait_s = TOKEN_S
        elif isinstance(wrong, botapi.TelegramRetryAfter):
            wait_s = float(wrong.retry_after)
        await asyncio.sleep(wait_s)

    async def take_in(self, updates: Sequence[Update]) -> None:
        """Returns when all that they asked for is durable, and answered as far as Telegram lets us."""
        chats: dict[int, list[Update]] = {}
        for update in updates:
            chats.setdefault(_chat_of(update), []).append(update)
        await asyncio.gather(*(self._in_order(some) for some in chats.values()))

    async def _in_order(self, updates: Sequence[Update]) -> None:
        for update in updates:
            try:
                await self._one(update)
            except botapi.AiogramError as wrong:
                # Done is done: an answer that cannot be sent must not have the deed done again.
                self._context.say(f"telegram: {botapi.said_of(wrong, self._settings, self._token)}")

    async def _one(self, update: Update) -> None:
        if update.message is not None:
            await self._message(update.update_id, update.message)
        elif update.callback_query is not None:
            await self._button(update.update_id, update.callback_query)

    async def _message(self, update_id: int, message: Message) -> None:
        user, chat = message.from_user, message.chat.id
        if user is None or not message.text:
            return
        person = person_of(self._settings, user.id)
        if person is None or not may_be_here(self._settings, chat, user.id):
            self.strangers += 1
            return
        if chat != user.id and not message.text.startswith("/"):
            return  # people talk to each other in groups
        sent_ns = int(message.date.timestamp()) * SECOND_NS
        heard = Heard(str(chat), person, f"{update_id}/{message.message_id}", sent_ns, message.text)
        reply = await self._office.hear(heard)
        if reply is not None:
            self.answered += 1
            await self._answer(chat, reply)

    async def _answer(self, chat: int, reply: Reply) -> None:
        keyboard = _keyboard(reply.buttons)
        if reply.picture:
            photo = BufferedInputFile(reply.picture, "profit.png")
            if len(reply.text) <= 1000:
                await self._send(
                    lambda: self._bot.send_photo(chat, photo, caption=reply.text, reply_markup=keyboard)
                )
                return
            await self._send(lambda: self._bot.send_photo(chat, photo))
        await self._send(lambda: self._bot.send_message(chat, reply.text, reply_markup=keyboard))

    async def _button(self, update_id: int, query: CallbackQuery) -> None:
        message = query.message
        person = person_of(self._settings, query.from_user.id)
        if (
            person is None
            or message is None
            or not may_be_here(self._settings, message.chat.id, query.from_user.id)
        ):
            self.strangers += 1
            return
        pressed = Pressed(str(message.chat.id), person, str(update_id), query.data or "")
        reply = await self._office.press(pressed)
        self.answered += 1
        # First the toast: it ends the little clock on the button. It may come too late to matter.
        with contextlib.suppress(botapi.TelegramBadRequest):
            await self._send(lambda: self._bot.answer_callback_query(query.id, text=reply.toast or None))
        if reply.text:
            await self._replace(
                message.chat.id, message.message_id, reply, bool(getattr(message, "photo", None))
            )

    async def _replace(self, chat: int, message_id: int, reply: Reply, is_picture: bool) -> None:
        keyboard = _keyboard(reply.buttons)
        if is_picture:
            await self._answer(chat, reply)
            return
        try:
            await self._send(
                lambda: self._bot.edit_message_text(
                    text=reply.text, chat_id=chat, message_id=message_id, reply_markup=keyboard
                )
            )
        except botapi.TelegramBadRequest as wrong:
            if "not modified" not in wrong.message:
                raise

    async def _send(self, ask: Callable[[], Awaitable[object]]) -> None:
        await botapi.patiently(ask)

    def _say(self, why: str) -> None:
        before = self._context.troubles.get("telegram", "")
        if why:
            self._context.troubles["telegram"] = why
        else:
            self._context.troubles.pop("telegram", None)
        if why != before:
            self._context.say(f"telegram: {why or 'answers'}")


def _chat_of(update: Update) -> int:
    if update.message is not None:
        return update.message.chat.id
    if update.callback_query is not None and update.callback_query.message is not None:
        return update.callback_query.message.chat.id
    return 0


def _keyboard(rows: tuple[tuple[Button, ...], ...]) -> InlineKeyboardMarkup | None:
    if not rows:
        return None
    made = [[InlineKeyboardButton(text=one.label, callback_data=one.data) for one in row] for row in rows]
    return InlineKeyboardMarkup(inline_keyboard=made)
