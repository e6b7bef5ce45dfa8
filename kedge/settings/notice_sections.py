"""The sections of the settings by which people are told: Telegram, mail, webhooks, and what goes where.

The engine reads none of them. Secrets are named here, never held.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct

LOOPBACK = ("127.0.0.1", "::1", "localhost")

# One word for each thing people are told of; `leave_out` and /mute understand them.
NOTICE_KINDS = (
    "fill",
    "done",
    "started",
    "parked",
    "refused",
    "unknown",
    "venue",
    "limit",
    "kill",
    "alarm",
    "note",
    "command",
    "schedule",
    "engine",
    "summary",
)

Level = Literal["info", "warn", "alarm", "off"]
UserId = Annotated[int, Meta(ge=-(2**52), le=2**52)]
_SECRET = re.compile(r"^[A-Z][A-Z0-9_]{1,63}$")
_PERSON = re.compile(r"^[A-Za-z0-9._@+-]{1,64}$")
_OF_DAY = re.compile(r"^([01][0-9]|2[0-3]):[0-5][0-9]$")
_ADDRESS = re.compile(r"^[^@\s<>]+@[^@\s<>]+$")


def _secret_name(field: str, value: str, like: str) -> None:
    if value and not _SECRET.match(value):
        # The value is not repeated: it may well be the secret itself.
        raise ValueError(
            f"`{field}` must be the NAME of a secret, two capital letters at least, like {like};"
            " put the secret itself in secrets.toml"
        )


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class TelegramSettings(_Section, frozen=True):
    """The desk in Telegram. Without `token` there is none."""

    token: Annotated[str, Meta(description="NAME of the secret that holds the bot's token.")] = ""
    admins: Annotated[
        tuple[UserId, ...], Meta(description="Telegram ids of people who may do everything.")
    ] = ()
    traders: Annotated[
        tuple[UserId, ...], Meta(description="Telegram ids of people who may also run bots.")
    ] = ()
    viewers: Annotated[tuple[UserId, ...], Meta(description="Telegram ids of people who may look.")] = ()
    names: Annotated[
        dict[str, str],
        Meta(description="What a person's commands are recorded under, by id; without it tg-<id>."),
    ] = {}
    groups: Annotated[
        tuple[UserId, ...],
        Meta(description="Ids of groups where the people above are answered too; elsewhere they are not."),
    ] = ()
    notify: Annotated[
        tuple[UserId, ...],
        Meta(description="Chats that get the notices; empty: every admin's and trader's own chat."),
    ] = ()
    language: Annotated[
        Literal["en", "ru", "fr"], Meta(description="Language of chats that have not chosen one.")
    ] = "en"
    webhook: Annotated[
        str,
        Meta(
            description="Public https address that Telegram shall call; empty: the desk asks (long polling)."
        ),
    ] = ""
    listen: Annotated[
        str, Meta(description="Where the webhook's calls arrive on this machine, behind your proxy.")
    ] = "127.0.0.1:8322"
    webhook_secret: Annotated[
        str, Meta(description="NAME of the secret that Telegram repeats in each call of the webhook.")
    ] = ""
    api: Annotated[str, Meta(description="Another Bot API server than Telegram's own.")] = ""

    def __post_init__(self) -> None:
        _secret_name("token", self.token, "TELEGRAM_TOKEN")
        _secret_name("webhook_secret", self.webhook_secret, "TELEGRAM_HOOK")
        if self.webhook and not self.webhook.startswith("https://"):
            raise ValueError("`webhook` must be an https address: Telegram calls no other")
        if self.webhook and not self.webhook_secret:
            raise ValueError("`webhook` needs `webhook_secret` too, or anybody could call it")
        if not re.match(r"^\S+:[0-9]{1,5}$", self.listen):
            raise ValueError(f"`listen` must be like 127.0.0.1:8322; it is {self.listen!r}")
        for user, name in self.names.items():
            if not _PERSON.match(name) or not user.lstrip("-").isdigit():
                raise ValueError(f'`names` must be like {{"123456" = "ann"}}; it has {user!r} = {name!r}')


class MailSettings(_Section, frozen=True):
    """Notices by e-mail. Without `server` there are none."""

    server: Annotated[str, Meta(description="The SMTP server's name.")] = ""
    port: Annotated[int, Meta(ge=1, le=65535, description="Its port.")] = 587
    security: Annotated[
        Literal["starttls", "tls", "none"],
        Meta(description="`none` only for a server on this machine: no password is sent in the clear."),
    ] = "starttls"
    ca: Annotated[str, Meta(description="File with the certificate that signs the server's own (PEM).")] = ""
    user: Annotated[str, Meta(description="Whom to sign in as; empty: without signing in.")] = ""
    password: Annotated[str, Meta(description="NAME of the secret that holds the password.")] = ""
    sender: Annotated[str, Meta(description="The address that messages come from.")] = ""
    to: Annotated[tuple[str, ...], Meta(description="The addresses that get the notices.")] = ()
    people: Annotated[
        dict[str, str],
        Meta(description="Whose an address is, by their name on the pages: written to in their language."),
    ] = {}

    def __post_init__(self) -> None:
        _secret_name("password", self.password, "MAIL_PASSWORD")
        if self.server and not (self.sender and self.to):
            raise ValueError("`server` is given: mail also needs `sender` and `to`")
        for address in self.people:
            if address not in self.to:
                raise ValueError(f"`people` has {address!r}, which is not in `to`")
        for address in (*self.to, *((self.sender,) if self.sender else ())):
            if not _ADDRESS.match(address):
                raise ValueError(f"{address!r} is no mail address")
        if bool(self.user) != bool(self.password):
            raise ValueError(f"`{'password' if self.user else 'user'}` is missing; signing in needs both")
        if self.user and self.security == "none" and self.server not in LOOPBACK:
            raise ValueError("`security` none would send the password in the clear; take starttls or tls")


class WebhookSettings(_Section, frozen=True):
    """Notices as JSON to programs of yours. Without `urls` there are none."""

    urls: Annotated[tuple[str, ...], Meta(description="Addresses that are sent each notice by POST.")] = ()
    secret: Annotated[
        str, Meta(description="NAME of the secret that signs each call (HMAC-SHA256); asked for with `urls`.")
    ] = ""
    timeout_s: Annotated[int, Meta(ge=1, le=120, description="An answer may take so many seconds.")] = 10

    def __post_init__(self) -> None:
        _secret_name("secret", self.secret, "WEBHOOK_SECRET")
        for url in self.urls:
            if not re.match(r"^https?://[^\s/?#@]+([/?]\S*)?$", url):
                raise ValueError(f"`urls` must be like https://example.org/kedge; it has {url!r}")
        if self.urls and not self.secret:
            raise ValueError("`urls` are given: name the `secret` that signs the calls")


class NoticeSettings(_Section, frozen=True):
    """What people are told, by which channel, and how often."""

    telegram: Annotated[Level, Meta(description="The least that Telegram is sent.")] = "info"
    mail: Annotated[Level, Meta(description="The least that is mailed.")] = "warn"
    webhook: Annotated[Level, Meta(description="The least that webhooks are sent.")] = "info"
    leave_out: Annotated[
        tuple[str, ...], Meta(description="Kinds of notices that nobody is sent, like fill or command.")
    ] = ()
    per_minute: Annotated[
        int, Meta(ge=1, le=600, description="Messages a minute in one channel; what is more is put together.")
    ] = 20
    gather_s: Annotated[
        int, Meta(ge=0, le=600, description="Fills wait so long for others, and come in one message.")
    ] = 3
    keep_hours: Annotated[
        int, Meta(ge=1, le=8760, description="What could not be delivered for so long is given up.")
    ] = 72
    summary: Annotated[str, Meta(description="When the day's summary is sent, like 21:00; empty: never.")] = (
        "00:05"
    )
    zone: Annotated[
        str, Meta(description="Time zone of `summary` and of Telegram's tables, like Europe/Paris.")
    ] = "UTC"
    language: Annotated[
        Literal["en", "ru", "fr"],
        Meta(description="Language of webhooks, and of mail to people who have not chosen one."),
    ] = "en"

    def __post_init__(self) -> None:
        if self.summary and not _OF_DAY.match(self.summary):
            raise ValueError(f"`summary` must be a time of the day like 21:00; it is {self.summary!r}")
        for kind in self.leave_out:
            if kind not in NOTICE_KINDS:
                raise ValueError(
                    f"`leave_out`: there is no kind {kind!r}; there are: {', '.join(NOTICE_KINDS)}"
                )
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError):
            raise ValueError(f"`zone`: there is no time zone {self.zone!r} here, like Europe/Paris") from None
