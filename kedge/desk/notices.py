"""What people are told: from records and from the desk's picture to notices, decided in one pure place.

    Scribe.tell(entry)      what happened: fills, ends, refusals, alarms, commands, starts
    troubles(status, away)  what is wrong now
    watch(standing, ...)    what is to be said of it: once when it has lasted, then at growing intervals,
                            and once when it is over

A notice has a key: whoever receives it twice knows it by that. What is over carries the level of what was
wrong, so that it reaches everybody who was told of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Struct

from kedge.model import ids
from kedge.model import records as r
from kedge.model.instrument import account_of, market_of, symbol_of
from kedge.model.looks import AccountLook, Status
from kedge.model.numbers import text
from kedge.model.order import Move
from kedge.model.records import Entry

Kind = Literal[
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
]
Level = Literal["info", "warn", "alarm"]
LEVELS: tuple[Level, ...] = ("info", "warn", "alarm")

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
HOUR_NS = 60 * MINUTE_NS
# The same refusal of the same bot is not said again for so long.
SAME_NS = 10 * MINUTE_NS
# What came back within so long is the same trouble, not a new one.
FLAP_NS = 10 * MINUTE_NS
# How long after the last word on a standing trouble the next one comes.
AGAIN_NS = (5 * MINUTE_NS, 15 * MINUTE_NS, HOUR_NS, 4 * HOUR_NS, 24 * HOUR_NS)
ORDERS_KEPT = 20_000
SAID_KEPT = 1_000
TEXT_MAX = 600
ENGINE = "engine"


class Notice(Struct, frozen=True, omit_defaults=True):
    key: str
    kind: Kind
    level: Level
    text: str  # one sentence, or a few lines for a summary
    ts_ns: int
    bot: str = ""
    account: str = ""
    over: bool = False  # it was wrong, and is not any more
    actor: str = ""  # whose command it was
    # What a program or a sum needs of it: market, side, qty, price.
    facts: dict[str, str] = {}


class Trouble(Struct, frozen=True):
    """Something that is wrong now. It is told of once it has lasted `grace_ns`."""

    key: str
    kind: Kind
    level: Level
    text: str
    grace_ns: int
    bot: str = ""
    account: str = ""


class Standing(Struct, frozen=True, omit_defaults=True):
    """A trouble over time. `told` counts the words on it, `heard` whether people think that it lasts."""

    trouble: Trouble
    since_ns: int
    told: int = 0
    next_ns: int = 0
    heard: bool = False
    over_ns: int = 0


# ── what happened ───────────────────────────────────────────────────────────────────────────────


class Scribe:
    """Turns entries into notices. Remembers orders, for what is said of them later; bounded."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._orders: dict[str, r.Intent] = {}
        self._bots: dict[int, str] = {}
        self._said: dict[tuple[str, ...], int] = {}

    def tell(self, entry: Entry) -> tuple[Notice, ...]:
        handler = _TELL.get(r.kind_of(entry.record))
        found = handler(self, entry, entry.record) if handler is not None else None
        return (found,) if found is not None else ()

    def knows(self, bots: Iterable[tuple[int, str]]) -> None:
        """The bots that were there before the first entry, by their numbers."""
        self._bots.update(bots)

    # ── money ───────────────────────────────────────────────────────────────────────────────

    def filled(self, entry: Entry, record: r.Filled) -> Notice:
        fill, market = record.fill, market_of(record.account, record.fill.symbol)
        who = record.bot or "not a bot of ours"
        said = f"{who}: {fill.side} {text(fill.qty)} {fill.symbol} at {text(fill.price)}"
        facts = {"market": market, "side": fill.side, "qty": text(fill.qty), "price": text(fill.price)}
        facts |= {"fee": text(fill.fee), "fee_asset": fill.fee_asset, "exec_id": fill.exec_id}
        forced = fill.kind in ("liquidation", "adl")
        if forced:
            said += f" ({fill.kind}: the venue did it)"
        kind: Kind = "alarm" if forced else "fill"
        level: Level = "alarm" if forced else "info"
        return self._notice(entry, kind, level, said, record.bot, record.account, facts=facts)

    def synthetic(self, entry: Entry, record: r.Synthetic) -> Notice:
        said = f"others traded {text(record.qty)} of {record.market} at {text(record.price)}"
        return self._notice(entry, "alarm", "warn", _why(said, record.why), "", account_of(record.market))

    def audited(self, entry: Entry, record: r.Audited) -> Notice | None:
        if record.agrees:
            return None
        said = _why(f"{record.account}: the account and the ledger differ", record.says)
        return self._notice(entry, "alarm", "warn", said, "", record.account)

    # ── bots and orders ─────────────────────────────────────────────────────────────────────

    def bot_added(self, entry: Entry, record: r.BotAdded) -> Notice:
        self._bots[record.number] = record.bot
        return self._notice(
            entry, "started", "info", f"{record.bot} was added as a {record.kind}", record.bot
        )

    def bot_phased(self, entry: Entry, record: r.BotPhased) -> Notice | None:
        """Parked bots are told of as long as they are parked: `troubles`."""
        if record.phase == "stopped":
            return self._notice(entry, "done", "info", _why(f"{record.bot} is done", record.why), record.bot)
        if record.phase == "killed":
            said = _why(f"{record.bot} was killed", record.why)
            return self._notice(entry, "done", "warn", said, record.bot)
        return None

    def intent(self, entry: Entry, record: r.Intent) -> None:
        _keep(self._orders, record.client_id, record, ORDERS_KEPT)

    def order_moved(self, entry: Entry, record: r.OrderMoved) -> Notice | None:
        if record.move is not Move.REJECT:
            return None
        order = self._orders.get(record.client_id)
        bot = order.bot if order is not None else self._bot_of(record.client_id)
        account = account_of(order.market) if order is not None else ""
        if self._said_lately(entry, "refused", bot, account, _letters(record.reason)):
            return None
        what = _order(order) if order is not None else f"order {record.client_id}"
        said = _why(f"{bot or account or 'desk'}: the venue refused to {what}", record.reason)
        return self._notice(entry, "refused", "warn", said, bot, account)

    def refused(self, entry: Entry, record: r.Refused) -> Notice | None:
        if self._said_lately(entry, "limit", record.bot, record.slot, _letters(record.reason)):
            return None
        what = f"{record.side} {text(record.qty)} {symbol_of(record.market)} at {text(record.price)}"
        said = _why(f"{record.bot}: a limit stopped {what}", record.reason)
        return self._notice(entry, "limit", "warn", said, record.bot, account_of(record.market))

    # ── the desk ────────────────────────────────────────────────────────────────────────────

    def life_began(self, entry: Entry, record: r.LifeBegan) -> Notice:
        said = f"the engine started (life {record.life}, Kedge {record.version})"
        return self._notice(entry, "engine", "info", said)

    def kill_switch(self, entry: Entry, record: r.KillSwitch) -> Notice:
        turned = "ON: nothing is sent but cancels" if record.on else "off"
        said = _why(f"{record.actor} turned the kill switch {turned}", record.why)
        return self._notice(entry, "kill", "alarm", said, over=not record.on)

    def noted(self, entry: Entry, record: r.Noted) -> Notice | None:
        who = record.bot or record.account
        if record.level == "info" and not record.bot:
            return None  # the desk's own small talk stays in the journal
        said = f"{who}: {record.text}" if who else record.text
        kind: Kind = "alarm" if record.level == "alarm" else "note"
        return self._notice(entry, kind, record.level, said, record.bot, record.account)

    def command_taken(self, entry: Entry, record: r.CommandTaken) -> Notice | None:
        """What a schedule or the bots file does is told of by its own records."""
        if record.ok and record.via in ("schedule", "file"):
            return None
        about = _subject(record.args)
        said = f"{record.actor} by {record.via}: {record.verb}{about}: {record.says}"
        level: Level = "info" if record.ok else "warn"
        return self._notice(entry, "command", level, said, actor=record.actor)

    def schedule_ran(self, entry: Entry, record: Any) -> Notice:
        level: Level = "info" if record.ok else "warn"
        said = _why(f"schedule {record.name} {'ran' if record.ok else 'failed'}", record.says)
        return self._notice(entry, "schedule", level, said)

    # ── helpers ─────────────────────────────────────────────────────────────────────────────

    def _notice(
        self,
        entry: Entry,
        kind: Kind,
        level: Level,
        said: str,
        bot: str = "",
        account: str = "",
        **more: Any,
    ) -> Notice:
        key = f"{self._prefix}-{entry.seq}-{entry.ts_ns}"
        return Notice(key, kind, level, _short(said), entry.ts_ns, bot, account, **more)

    def _bot_of(self, client_id: str) -> str:
        made_by = ids.read(client_id)
        return self._bots.get(made_by.bot, "") if made_by is not None else ""

    def _said_lately(self, entry: Entry, *what: str) -> bool:
        before = self._said.get(what, 0)
        if before and entry.ts_ns - before < SAME_NS:
            return True
        _keep(self._said, what, entry.ts_ns, SAID_KEPT)
        return False


_Handler = Callable[[Scribe, Entry, Any], Notice | None]
_TELL: dict[str, _Handler] = {
    "Filled": Scribe.filled,
    "Synthetic": Scribe.synthetic,
    "Audited": Scribe.audited,
    "BotAdded": Scribe.bot_added,
    "BotPhased": Scribe.bot_phased,
    "Intent": Scribe.intent,
    "OrderMoved": Scribe.order_moved,
    "Refused": Scribe.refused,
    "LifeBegan": Scribe.life_began,
    "KillSwitch": Scribe.kill_switch,
    "Noted": Scribe.noted,
    "CommandTaken": Scribe.command_taken,
    "ScheduleRan": Scribe.schedule_ran,
}


# ── what is wrong now ───────────────────────────────────────────────────────────────────────────


def troubles(status: Status | None, away: str) -> list[Trouble]:
    """Most urgent first. While the engine is away only that is known."""
    if away:
        said = f"the engine is away: {away}"
        return [Trouble(ENGINE, "engine", "alarm", said, 10 * SECOND_NS)]
    if status is None:
        return []
    found = [one for account in status.accounts for one in _of_account(account)]
    for bot in status.bots:
        if bot.phase == "parked" or (bot.phase == "paused" and bot.why):
            level: Level = "alarm" if bot.phase == "parked" else "warn"
            said = f"{_why(f'{bot.bot} is {bot.phase}', bot.why)}; mended? resume {bot.bot}"
            found.append(Trouble(f"bot/{bot.bot}/{bot.number}", "parked", level, said, 0, bot.bot))
    if status.unhedged:
        said = f"unhedged: {text(status.unhedged)}"
        found.append(Trouble("unhedged", "alarm", "alarm", said, MINUTE_NS))
    return sorted(found, key=lambda one: -LEVELS.index(one.level))


def _of_account(account: AccountLook) -> Iterable[Trouble]:
    name = account.account
    if account.unknown_orders:
        many = f"{account.unknown_orders} orders are" if account.unknown_orders > 1 else "an order is"
        said = f"{name}: {many} UNKNOWN; the venue is asked"
        yield Trouble(f"unknown/{name}", "unknown", "alarm", said, 5 * SECOND_NS, "", name)
    if not account.ready:
        said = _why(f"{name} is not ready", account.why)
        yield Trouble(f"venue/{name}", "venue", "alarm", said, 15 * SECOND_NS, "", name)
        return
    if trouble := account.trouble:
        said = f"{name}: {trouble}"
        yield Trouble(f"trouble/{name}", "venue", "warn", said, MINUTE_NS, "", name)
    for market in account.markets:
        if market.open and not market.fresh and market.age_ns:
            said = _why(f"prices of {market.market} are stale", market.why)
            yield Trouble(f"stale/{market.market}", "venue", "warn", said, 30 * SECOND_NS, "", name)


def watch(
    standing: dict[str, Standing], found: Sequence[Trouble], now_ns: int, prefix: str
) -> tuple[dict[str, Standing], list[Notice]]:
    """The troubles from here on, and what is to be said of them now."""
    after: dict[str, Standing] = {}
    notices: list[Notice] = []
    away = any(trouble.key == ENGINE for trouble in found)
    for trouble in found:
        one = standing.get(trouble.key) or Standing(trouble, now_ns)
        one = msgspec.structs.replace(one, trouble=trouble, over_ns=0)
        if now_ns >= max(one.next_ns, one.since_ns + trouble.grace_ns):
            notices.append(_standing_notice(one, now_ns, prefix))
            wait_ns = AGAIN_NS[min(one.told, len(AGAIN_NS) - 1)]
            one = msgspec.structs.replace(one, told=one.told + 1, next_ns=now_ns + wait_ns, heard=True)
        after[trouble.key] = one
    for key, one in standing.items():
        if key in after:
            continue
        if away:
            after[key] = one  # nothing else is known while the engine is away
            continue
        if one.heard:
            notices.append(_over_notice(one, now_ns, prefix))
        over_ns = one.over_ns or now_ns
        if one.told and now_ns - over_ns < FLAP_NS:
            after[key] = msgspec.structs.replace(one, heard=False, over_ns=over_ns)
    return after, notices


def _standing_notice(one: Standing, now_ns: int, prefix: str) -> Notice:
    trouble, lasts_ns = one.trouble, now_ns - one.since_ns
    said = f"{trouble.text} (for {span(lasts_ns)} now)" if one.told else trouble.text
    key = f"{prefix}/{trouble.key}/{one.since_ns}/{one.told}"
    return Notice(key, trouble.kind, trouble.level, _short(said), now_ns, trouble.bot, trouble.account)


def _over_notice(one: Standing, now_ns: int, prefix: str) -> Notice:
    trouble = one.trouble
    said = f"over after {span(now_ns - one.since_ns)}: {trouble.text}"
    key = f"{prefix}/{trouble.key}/{one.since_ns}/{one.told}/over"
    return Notice(
        key, trouble.kind, trouble.level, _short(said), now_ns, trouble.bot, trouble.account, over=True
    )


# ── the day ─────────────────────────────────────────────────────────────────────────────────────


class DayFigures(Struct, frozen=True):
    """A day's sums: per settlement asset the profit that was taken, per asset the fees."""

    fills: int
    realised: dict[str, Decimal]
    fees: dict[str, Decimal]
    complete: bool = True


def summary(day: str, status: Status | None, figures: DayFigures, now_ns: int, prefix: str) -> Notice:
    """What is sent at the end of a day; its key is the day's, so it comes once."""
    least = "" if figures.complete else "at least "
    lines = [f"{day}: {least}{figures.fills} fills", f"realised {_money(figures.realised)}"]
    if figures.fees:
        lines.append(f"fees {_money(figures.fees)}")
    if status is not None:
        running = sum(bot.phase == "running" for bot in status.bots)
        lines.append(f"unrealised {_money(status.unrealised)}")
        lines.append(f"{running} of {len(status.bots)} bots running")
        lines += [f"! {need}" for need in status.needs[:5]]
    return Notice(f"{prefix}/summary/{day}", "summary", "info", _short("\n".join(lines), 2000), now_ns)


# ── small words ─────────────────────────────────────────────────────────────────────────────────


def at_least(level: str, least: str) -> bool:
    """Whether a notice of this level goes where `least` is wanted ("off": nothing)."""
    return least != "off" and LEVELS.index(level) >= LEVELS.index(least)


def span(ns: int) -> str:
    minutes = ns // MINUTE_NS
    if minutes < 1:
        return f"{ns // SECOND_NS} s"
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def _money(amounts: dict[str, Decimal]) -> str:
    shown = [f"{text(amount)} {asset}" for asset, amount in sorted(amounts.items()) if amount]
    return ", ".join(shown) or "0"


def _why(said: str, why: str) -> str:
    return f"{said}: {why}" if why else said


def _short(said: str, most: int = TEXT_MAX) -> str:
    return said if len(said) <= most else f"{said[: most - 1]}…"


def _order(order: r.Intent) -> str:
    return f"{order.side} {text(order.qty)} {symbol_of(order.market)} at {text(order.price)}"


def _letters(reason: str) -> str:
    """A reason without its numbers: the same trouble at another price is the same trouble."""
    return "".join(c for c in reason if not c.isdigit())


def _subject(args: msgspec.Raw) -> str:
    """Of a command's arguments what it was about; texts of people are not repeated."""
    given = msgspec.json.decode(args)
    name = (
        given.get("name") or given.get("account") or given.get("client_id") if isinstance(given, dict) else ""
    )
    return f" {name}" if name else ""


def _keep(kept: dict[Any, Any], key: Any, value: Any, most: int) -> None:
    kept.pop(key, None)
    kept[key] = value
    if len(kept) > most:
        del kept[next(iter(kept))]
