"""The line to the Bot API: aiogram's client, with what the world does to it turned into words.

No token is ever in a sentence: what goes wrong is named by its kind, and what Telegram says of it has the
token taken out.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    AiogramError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.utils.token import TokenValidationError

from kedge.settings import Secret, SettingsWrong, TelegramSettings

__all__ = [
    "AiogramError",
    "TelegramBadRequest",
    "TelegramConflictError",
    "TelegramForbiddenError",
    "TelegramNetworkError",
    "TelegramNotFound",
    "TelegramRetryAfter",
    "TelegramServerError",
    "TelegramUnauthorizedError",
    "make_bot",
    "patiently",
    "said_of",
]

T = TypeVar("T")

TIMEOUT_S = 30.0
# A flood limit that is longer than this is not waited for here.
FLOOD_MOST_S = 60
TRIES = 3


def make_bot(settings: TelegramSettings, token: Secret) -> Bot:
    """Raises `SettingsWrong` where the token has not the form of one."""
    server = TelegramAPIServer.from_base(settings.api.rstrip("/")) if settings.api else None
    session = (
        AiohttpSession(timeout=TIMEOUT_S) if server is None else AiohttpSession(api=server, timeout=TIMEOUT_S)
    )
    try:
        return Bot(token.reveal(), session=session, default=DefaultBotProperties(parse_mode="HTML"))
    except TokenValidationError:
        raise SettingsWrong(
            f"the secret {settings.token} is no Telegram token: those look like 123456:ABC...;"
            " BotFather gives one"
        ) from None


async def patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Ask again after a flood limit or a cut line; a few times. Raises what aiogram raises."""
    for tries in range(TRIES):
        try:
            return await ask()
        except TelegramRetryAfter as flood:
            if tries == TRIES - 1 or flood.retry_after > FLOOD_MOST_S:
                raise
            await asyncio.sleep(flood.retry_after)
        except (TelegramNetworkError, TelegramServerError):
            if tries == TRIES - 1:
                raise
            await asyncio.sleep(0.5 * 2**tries)
    raise AssertionError("the last try returns or raises")


def said_of(error: Exception, settings: TelegramSettings, token: Secret) -> str:
    """What went wrong, in one sentence with the mend."""
    if isinstance(error, TelegramUnauthorizedError):
        return f"Telegram does not know this token (secret {settings.token}); BotFather shows the right one"
    if isinstance(error, TelegramConflictError):
        return (
            "another program asks Telegram with this token (409): stop that one,"
            " or have BotFather make a token for this desk alone"
        )
    if isinstance(error, TelegramForbiddenError):
        return "this chat does not take messages: write /start to the bot there, or take the chat's id away"
    if isinstance(error, TelegramRetryAfter):
        return f"Telegram wants us to be quiet for {error.retry_after} s"
    if isinstance(error, TelegramNetworkError):
        return "Telegram cannot be reached"
    if isinstance(error, TelegramServerError):
        return "Telegram has a fault of its own"
    if isinstance(error, TelegramNotFound):
        return f"Telegram does not know this token (secret {settings.token}); BotFather shows the right one"
    if isinstance(error, TelegramAPIError):
        return f"Telegram answered: {_without(error.message, token)}"
    return f"Telegram: {_without(str(error), token)}"


def _without(said: str, token: Secret) -> str:
    return " ".join(said.replace(token.reveal(), "***").split())[:300]
