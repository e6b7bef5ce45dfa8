"""What people may ask of a running engine: one struct of arguments per verb.

A command is journalled with its result before it is acknowledged, and its id is an idempotency key:
given twice, it acts once and answers the same. Who may give which is said here, once for all faces.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from msgspec import Meta, Raw, Struct

from kedge.model.numbers import ZERO
from kedge.model.order import Side
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


class AccountRefresh(Struct, frozen=True, forbid_unknown_fields=True):
    """Ask an account's venue anew for everything it lists."""

    account: str


class AccountReconnect(Struct, frozen=True, forbid_unknown_fields=True):
    """Try a venue again that refused us, once what it complained of is mended."""

    account: str


class DeskCancel(Struct, frozen=True, forbid_unknown_fields=True):
    """Cancel every order of an account or a bot, and keep the bots concerned still until resumed."""

    account: str = ""
    bot: str = ""
    why: str = ""


class StashSave(Struct, frozen=True, forbid_unknown_fields=True):
    """Save every stop order of an account under a name; with `cancel`, have them cancelled then."""

    name: str
    account: str
    cancel: bool = False


class StashRestore(Struct, frozen=True, forbid_unknown_fields=True):
    """Put the orders of a stash back as they were, those that still stand left out."""

    name: str


class StashDrop(Struct, frozen=True, forbid_unknown_fields=True):
    """Forget a stash."""

    name: str


class TaskTrade(Struct, frozen=True, forbid_unknown_fields=True):
    """Sell or buy by joining the best ask or bid: an amount, or for a sum."""

    ticker: str
    sum: Decimal = ZERO
    qty: Decimal = ZERO
    limit: Decimal = ZERO
    name: str = ""


class TaskDump(Struct, frozen=True, forbid_unknown_fields=True):
    """Trade the whole position of a market away by joining the best ask or bid."""

    ticker: str
    name: str = ""


class TaskSpread(Struct, frozen=True, forbid_unknown_fields=True):
    """Trade a future against its share or another future at a spread."""

    far: str
    near: str
    price: Decimal
    qty: Decimal
    side: Side = "sell"
    ratio: Decimal = ZERO
    name: str = ""


class TaskStops(Struct, frozen=True, forbid_unknown_fields=True):
    """Stop orders below (or above) the price of everything on the whitelist that is not on the blacklist.

    What is not given is as the lists say: `stops-levels`, `stops-sum`, `stops-expiry` and the like.
    """

    tickers: Annotated[str, Meta(max_length=20_000)] = ""
    levels: Annotated[str, Meta(max_length=200)] = ""
    sum: Decimal = ZERO
    expires: Annotated[str, Meta(max_length=20)] = ""
    name: str = ""


class TaskNuke(Struct, frozen=True, forbid_unknown_fields=True):
    """Stop orders of one market at a few levels below its price, a sum parted among them."""

    ticker: str
    sum: Decimal
    levels: Annotated[str, Meta(max_length=200)] = ""
    expires: Annotated[str, Meta(max_length=20)] = ""
    name: str = ""


class TaskAmend(Struct, frozen=True, forbid_unknown_fields=True):
    """Change the amount or the price of a running task, or the sum and the levels of its orders."""

    name: str
    qty: Decimal | None = None
    price: Decimal | None = None
    sum: Decimal | None = None
    levels: Annotated[str, Meta(max_length=200)] = ""


class TaskStop(Struct, frozen=True, forbid_unknown_fields=True):
    """Stop every task, or those of one kind: each balances what it holds, and ends."""

    kind: str = ""


class ListSet(Struct, frozen=True, forbid_unknown_fields=True):
    """Have a list hold these items and no others; without items it is empty."""

    name: str
    items: Annotated[str, Meta(max_length=100_000)] = ""


class ListAdd(Struct, frozen=True, forbid_unknown_fields=True):
    """Add items to a list."""

    name: str
    items: Annotated[str, Meta(max_length=100_000)]


class ListDrop(Struct, frozen=True, forbid_unknown_fields=True):
    """Take items out of a list."""

    name: str
    items: Annotated[str, Meta(max_length=100_000)]


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
    "stash.save": StashSave,
    "stash.restore": StashRestore,
    "stash.drop": StashDrop,
    "task.sell": TaskTrade,
    "task.buy": TaskTrade,
    "task.dump": TaskDump,
    "task.spread": TaskSpread,
    "task.stops": TaskStops,
    "task.shorts": TaskStops,
    "task.nuke": TaskNuke,
    "task.amend": TaskAmend,
    "task.stop": TaskStop,
    "list.set": ListSet,
    "list.add": ListAdd,
    "list.drop": ListDrop,
    "desk.backup": DeskBackup,
    "desk.reload": DeskReload,
    "order.resolve": OrderResolve,
    "account.audit": AccountAudit,
    "account.refresh": AccountRefresh,
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
