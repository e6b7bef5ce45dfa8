"""Which channels there are by the settings, and what each wants of the notices."""

from __future__ import annotations

from collections.abc import Callable

from kedge.desk.notices import Notice, at_least
from kedge.desk.post.languages import Languages
from kedge.desk.post.mail import MailSender
from kedge.desk.post.sender import Sender
from kedge.desk.post.webhook import WebhookSender
from kedge.desk.tables.people import PeopleDatabase
from kedge.settings import Secrets, Settings

Clock = Callable[[], int]


def senders_of(settings: Settings, secrets: Secrets, people: PeopleDatabase, clock: Clock) -> list[Sender]:
    """One sender per channel. Raises `SettingsWrong` where a secret is missing."""
    found: list[Sender] = []
    if settings.telegram.token:
        from kedge.desk.telegram.sender import telegram_senders

        wants = wanted(settings, settings.notices.telegram)
        found += telegram_senders(settings.telegram, secrets, people, wants, clock)
    if settings.mail.server:
        password = secrets.find(settings.mail.password, "[mail]") if settings.mail.password else None
        wants = wanted(settings, settings.notices.mail)
        languages = Languages(people, settings.mail.people, settings.notices.language)
        found.append(MailSender(settings.mail, password, wants, settings.desk.name, languages))
    if settings.webhooks.urls:
        secret = secrets.find(settings.webhooks.secret, "[webhooks]")
        wants = wanted(settings, settings.notices.webhook)
        timeout_s = settings.webhooks.timeout_s
        spoken = settings.notices.language
        found += [
            WebhookSender(url, secret, wants, clock, timeout_s, spoken) for url in settings.webhooks.urls
        ]
    return found


def wanted(settings: Settings, least: str) -> Callable[[Notice], bool]:
    """By level and kind. A summary is asked for by its own setting: it goes wherever anything goes."""

    def wants(notice: Notice) -> bool:
        if notice.kind in settings.notices.leave_out or least == "off":
            return False
        return notice.kind == "summary" or at_least(notice.level, least)

    return wants
