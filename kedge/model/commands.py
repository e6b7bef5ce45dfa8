"""What people may ask of a running engine: one struct of arguments per verb.

A command is journalled with its result before it is acknowledged, and its id is an idempotency key:
given twice, it acts once and answers the same. Who may give which is said here, once for all faces.
"""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct

from kedge.model.records import Missed


class BotAdd(Struct, frozen=True, forbid_unknown_fields=True):
    """Start a new bot."""

    name: str
    kind: str
    config: Raw = Raw(b"{}")
    origin: str = "command"


class BotAmend(Struct, frozen=True, forbid_unknown_fields=True):
    """Change some parameters of a bot; what is not named stays.

    `whole`: these are all of them, and what is not named has its default again.
    """

    name: str
    config: Raw
    whole: bool = False


class BotPause(Struct, frozen=True, forbid_unknown_fields=True):
    """Take no new risk: resting orders are pulled, balancing goes on."""

    name: str


class BotResume(Struct, frozen=True, forbid_unknown_fields=True):
    """Go on after a pause, or after a parked bot's fault was mended."""

    name: str


class BotStop(Struct, frozen=True, forbid_unknown_fields=True):
    """Stop wanting risk, keep wanting balance; ends when balanced and says what is left."""

    name: str


class BotKill(Struct, frozen=True, forbid_unknown_fields=True):
    """Cancel its orders and do nothing more, balanced or not."""

    name: str


class BotRm(Struct, frozen=True, forbid_unknown_fields=True):
    """Forget an ended bot. Its fills stay in the ledger; a position left open needs `leave`."""

    name: str
    leave: bool = False


class BotTell(Struct, frozen=True, forbid_unknown_fields=True):
    """Say a word to a bot, for example "close" to a hedge."""

    name: str
    text: str
    args: Raw = Raw(b"{}")


class DeskKill(Struct, frozen=True, forbid_unknown_fields=True):
    """The kill switch: cancel everything, send nothing new until revived."""

    why: str = ""


class DeskRevive(Struct, frozen=True, forbid_unknown_fields=True):
    """Release the kill switch."""

    why: str = ""


class OrderResolve(Struct, frozen=True, forbid_unknown_fields=True):
    """A person's word on an UNKNOWN order, after looking at the venue; recorded as theirs."""

    client_id: str
    fate: Literal["absent", "cancelled"]
    why: str = ""


class AccountAudit(Struct, frozen=True, forbid_unknown_fields=True):
    """Compare an account with the ledger now."""

    account: str


class AccountReconnect(Struct, frozen=True, forbid_unknown_fields=True):
    """Try a venue again that refused us, once what it complained of is mended."""

    account: str


class DeskCancel(Struct, frozen=True, forbid_unknown_fields=True):
    """Cancel every order of an account or a bot, and keep the bots concerned still until resumed."""

    account: str = ""
    bot: str = ""
    why: str = ""


class DeskBackup(Struct, frozen=True, forbid_unknown_fields=True):
    """Write a verified copy of the journal. In `target`, {date} and {time} stand for now (UTC)."""

    target: Annotated[str, Meta(min_length=1, max_length=1024)]


# What a backup that is done says before the folder's name.
COPY_IN = "a verified copy is in "


class DeskReload(Struct, frozen=True, forbid_unknown_fields=True):
    """Follow the bots file again."""


class ScheduleSet(Struct, frozen=True, forbid_unknown_fields=True):
    """Have a command run by itself; replaces the schedule of that name."""

    name: str
    verb: str
    every: Annotated[str, Meta(max_length=200)]
    args: Raw = Raw(b"{}")
    zone: Annotated[str, Meta(max_length=64)] = "UTC"
    enabled: bool = True
    missed: Missed = "once"
    comment: Annotated[str, Meta(max_length=300)] = ""


class ScheduleRm(Struct, frozen=True, forbid_unknown_fields=True):
    """Forget a schedule."""

    name: str


class ScheduleRun(Struct, frozen=True, forbid_unknown_fields=True):
    """Run a schedule's command now, too; when it is due next stays."""

    name: str


class SchedulePause(Struct, frozen=True, forbid_unknown_fields=True):
    """Let a schedule rest until it is resumed."""

    name: str


class ScheduleResume(Struct, frozen=True, forbid_unknown_fields=True):
    """Have a paused schedule run again, from its next time on."""

    name: str


VERBS: dict[str, type[Struct]] = {
    "bot.add": BotAdd,
    "bot.amend": BotAmend,
    "bot.pause": BotPause,
    "bot.resume": BotResume,
    "bot.stop": BotStop,
    "bot.kill": BotKill,
    "bot.rm": BotRm,
    "bot.tell": BotTell,
    "desk.kill": DeskKill,
    "desk.revive": DeskRevive,
    "desk.cancel": DeskCancel,
    "desk.backup": DeskBackup,
    "desk.reload": DeskReload,
    "order.resolve": OrderResolve,
    "account.audit": AccountAudit,
    "account.reconnect": AccountReconnect,
    "schedule.set": ScheduleSet,
    "schedule.rm": ScheduleRm,
    "schedule.run": ScheduleRun,
    "schedule.pause": SchedulePause,
    "schedule.resume": ScheduleResume,
}

# look: sees everything, changes nothing. trade: also bots and orders. admin: also the desk itself.
Role = Literal["look", "trade", "admin"]
ROLES: tuple[Role, ...] = ("look", "trade", "admin")
# What takes an admin; every other verb takes a trader. A schedule may give any command, also one that only
# an admin may give.
ADMIN_VERBS = (
    "desk.revive",
    "desk.backup",
    "desk.reload",
    "order.resolve",
    "schedule.set",
    "schedule.rm",
    "schedule.run",
    "schedule.resume",
)


def role_of(verb: str) -> Role:
    """The least role that may give this command."""
    return "admin" if verb in ADMIN_VERBS else "trade"


def covers(role: Role, needed: Role) -> bool:
    return ROLES.index(role) >= ROLES.index(needed)
