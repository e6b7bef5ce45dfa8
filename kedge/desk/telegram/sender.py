"""Notices by Telegram: one channel per chat, so that one that has blocked the bot holds up no other."""

from __future__ import annotations

import asyncio
import html
from collections.abc import Callable

from aiogram import Bot

from kedge.desk.notices import Notice
from kedge.desk.post.messages import Message
from kedge.desk.post.sender import SENT, Sender, Verdict
from kedge.desk.tables.people import DatabaseTrouble, PeopleDatabase
from kedge.desk.telegram import botapi
from kedge.desk.telegram.memory import Memory
from kedge.desk.telegram.people import name_of, told_chats
from kedge.settings import Secret, Secrets, TelegramSettings

Wants = Callable[[Notice], bool]
Clock = Callable[[], int]

TEXT_MAX = 4000


def telegram_senders(
    settings: TelegramSettings, secrets: Secrets, people: PeopleDatabase, wants: Wants, clock: Clock
) -> list[Sender]:
    """One per chat that is told. Raises `SettingsWrong`."""
    token = secrets.find(settings.token, "[telegram]")
    bot, memory = botapi.make_bot(settings, token), Memory(people)
    return [TelegramSender(bot, token, settings, chat, memory, wants, clock) for chat in told_chats(settings)]


class TelegramSender:
    def __init__(
        self,
        bot: Bot,
        token: Secret,
        settings: TelegramSettings,
        chat: int,
        memory: Memory,
        wants: Wants,
        clock: Clock,
    ) -> None:
        self._bot, self._token, self._settings, self._chat = bot, token, settings, chat
        self._memory, self._wants, self._clock = memory, wants, clock
        self._mutes: dict[str, int] = {}
        self._opened = False

    @property
    def channel(self) -> str:
        return f"telegram/{self._chat}"

    def wants(self, notice: Notice) -> bool:
        if not self._wants(notice) or self._muted(notice):
            return False
        # Who gave a command here has its answer already.
        mine = notice.actor.endswith(f":{name_of(self._settings, self._chat)}")
        return not (notice.kind == "command" and mine)

    async def refresh(self) -> None:
        if not self._opened:
            await asyncio.to_thread(self._memory.open)
            self._opened = True
        self._mutes = await asyncio.to_thread(self._memory.mutes, str(self._chat), self._clock())

    async def send(self, message: Message) -> Verdict:
        # Telegram counts letters, not what they are escaped to.
        said = html.escape(message.text_in(await self._language())[:TEXT_MAX], quote=False)
        quiet = message.level == "info"
        try:
            await self._bot.send_message(self._chat, said, disable_notification=quiet)
        except botapi.TelegramRetryAfter as flood:
            return Verdict(
                "later", botapi.said_of(flood, self._settings, self._token), float(flood.retry_after)
            )
        except (botapi.TelegramForbiddenError, botapi.TelegramUnauthorizedError) as wrong:
            # A person can mend this: what waits is kept for it, and asked about seldom.
            return Verdict("later", botapi.said_of(wrong, self._settings, self._token), 300)
        except botapi.TelegramBadRequest as wrong:
            return Verdict("later", botapi.said_of(wrong, self._settings, self._token), 60)
        except botapi.AiogramError as wrong:
            return Verdict("later", botapi.said_of(wrong, self._settings, self._token))
        return SENT

    async def _language(self) -> str:
        """As this chat has chosen; where that cannot be looked up, it is told all the same."""
        try:
            if not self._opened:
                await asyncio.to_thread(self._memory.open)
                self._opened = True
            chosen = await asyncio.to_thread(self._memory.language, str(self._chat))
        except DatabaseTrouble:
            chosen = ""
        return chosen or self._settings.language

    async def close(self) -> None:
        await self._bot.session.close()

    def _muted(self, notice: Notice) -> bool:
        now_ns = self._clock()

        def is_muted(word: str) -> bool:
            return self._mutes.get(word, 0) > now_ns

        if is_muted(notice.kind) or is_muted(notice.level):
            return True
        return is_muted("all") and notice.level != "alarm"
