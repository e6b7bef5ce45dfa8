"""Who may speak to the bot, and as whom: by Telegram's own ids, which nobody can choose. Pure."""

from __future__ import annotations

from kedge.desk.commands import Role
from kedge.desk.telegram.office import Person
from kedge.settings import TelegramSettings


def person_of(settings: TelegramSettings, user: int) -> Person | None:
    """None for strangers. Who is in several lists has the greatest role."""
    lists: tuple[tuple[Role, tuple[int, ...]], ...] = (
        ("admin", settings.admins),
        ("trade", settings.traders),
        ("look", settings.viewers),
    )
    for role, ids in lists:
        if user in ids:
            return Person(name_of(settings, user), role)
    return None


def name_of(settings: TelegramSettings, user: int) -> str:
    return settings.names.get(str(user)) or f"tg-{user}"


def may_be_here(settings: TelegramSettings, chat: int, user: int) -> bool:
    """A person is answered in their own chat, and in groups that are listed."""
    return chat == user or chat in settings.groups


def told_chats(settings: TelegramSettings) -> tuple[int, ...]:
    """Where notices go."""
    return settings.notify or tuple(dict.fromkeys((*settings.admins, *settings.traders)))
