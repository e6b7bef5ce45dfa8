"""What people are told: from records and from the desk's picture to notices, decided in one pure place.

    Scribe.tell(entry)      what happened: fills, ends, refusals, alarms, commands, starts
    troubles(status, away)  what is wrong now
    watch(standing, ...)    what is to be said of it: once when it has lasted, then at growing intervals,
                            and once when it is over

A notice has a key: whoever receives it twice knows it by that. What is over carries the level of what was
wrong, so that it reaches everybody who was told of it. What it says is kept as a `Said`: everybody reads it
in their own language.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, Literal

import msgspec
from msgspec import Struct

from kedge.desk.said import Said, as_it_came, say, told
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
TEXT_MAX, SUMMARY_MAX = 600, 2000
ENGINE = "engine"
STRANGER = say("not a bot of ours")
SIDES = {"buy": say("buy"), "sell": say("sell")}


class Notice(Struct, frozen=True, omit_defaults=True):
    key: str
    kind: Kind
    level: Level
    text: str  # one sentence, or a few lines for a summary; in English
    ts_ns: int
    bot: str = ""
    account: str = ""
    over: bool = False  # it was wrong, and is not any more
    actor: str = ""  # whose command it was
    # What a program or a sum needs of it: market, side, qty, price.
    facts: dict[str, str] = {}
    said: Said | None = None  # the same as `text`, for other languages; none in what an older Kedge has kept

    def told(self, language: str) -> str:
        return self.text if self.said is None else _short(told(self.said, language), _most(self.kind))


class Trouble(Struct, frozen=True):
    """Something that is wrong now. It is told of once it has lasted `grace_ns`."""

    key: str
    kind: Kind
    level: Level
    text: str
    grace_ns: int
    bot: str = ""
    account: str = ""
    said: Said | None = None  # the same as `text`


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
        what = _terms(fill.side, fill.qty, fill.symbol, fill.price)
        said = Said("{who}: {what}", {"who": record.bot or STRANGER, "what": what})
        facts = {"market": market, "side": fill.side, "qty": text(fill.qty), "price": text(fill.price)}
        facts |= {"fee": text(fill.fee), "fee_asset": fill.fee_asset, "exec_id": fill.exec_id}
        forced = fill.kind in ("liquidation", "adl")
        if forced:
            said = say("{fill} ({kind}: the venue did it)", fill=said, kind=fill.kind)
        kind: Kind = "alarm" if forced else "fill"
        level: Level = "alarm" if forced else "info"
        return self._notice(entry, kind, level, said, record.bot, record.account, facts=facts)

    def synthetic(self, entry: Entry, record: r.Synthetic) -> Notice:
        said = say(
            "others traded {qty} of {market} at {price}",
            qty=text(record.qty),
            market=record.market,
            price=text(record.price),
        )
        return self._notice(entry, "alarm", "warn", _why(said, record.why), "", account_of(record.market))

    def audited(self, entry: Entry, record: r.Audited) -> Notice | None:
        if record.agrees:
            return None
        said = _why(say("{account}: the account and the ledger differ", account=record.account), record.says)
        return self._notice(entry, "alarm", "warn", said, "", record.account)

    # ── bots and orders ─────────────────────────────────────────────────────────────────────

    def bot_added(self, entry: Entry, record: r.BotAdded) -> Notice:
        self._bots[record.number] = record.bot
        said = say("{bot} was added as a {kind}", bot=record.bot, kind=record.kind)
        return self._notice(entry, "started", "info", said, record.bot)

    def bot_phased(self, entry: Entry, record: r.BotPhased) -> Notice | None:
        """Parked bots are told of as long as they are parked: `troubles`."""
        if record.phase == "stopped":
            said = _why(say("{bot} is done", bot=record.bot), record.why)
            return self._notice(entry, "done", "info", said, record.bot)
        if record.phase == "killed":
            said = _why(say("{bot} was killed", bot=record.bot), record.why)
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
        what = _order(order) if order is not None else say("order {id}", id=record.client_id)
        who = bot or account or say("desk")
        said = _why(say("{who}: the venue refused to {order}", who=who, order=what), record.reason)
        return self._notice(entry, "refused", "warn", said, bot, account)

    def refused(self, entry: Entry, record: r.Refused) -> Notice | None:
        if self._said_lately(entry, "limit", record.bot, record.slot, _letters(record.reason)):
            return None
        what = _terms(record.side, record.qty, symbol_of(record.market), record.price)
        said = _why(say("{bot}: a limit stopped {order}", bot=record.bot, order=what), record.reason)
        return self._notice(entry, "limit", "warn", said, record.bot, account_of(record.market))

    # ── the desk ────────────────────────────────────────────────────────────────────────────

    def life_began(self, entry: Entry, record: r.LifeBegan) -> Notice:
        said = say(
            "the engine started (life {life}, Kedge {version})",
            life=str(record.life),
            version=record.version,
        )
        return self._notice(entry, "engine", "info", said)

    def kill_switch(self, entry: Entry, record: r.KillSwitch) -> Notice:
        if record.on:
            turned = say("{who} turned the kill switch ON: nothing is sent but cancels", who=record.actor)
        else:
            turned = say("{who} turned the kill switch off", who=record.actor)
        return self._notice(entry, "kill", "alarm", _why(turned, record.why), over=not record.on)

    def noted(self, entry: Entry, record: r.Noted) -> Notice | None:
        who = record.bot or record.account
        if record.level == "info" and not record.bot:
            return None  # the desk's own small talk stays in the journal
        said = as_it_came(f"{who}: {record.text}" if who else record.text)
        kind: Kind = "alarm" if record.level == "alarm" else "note"
        return self._notice(entry, kind, record.level, said, record.bot, record.account)

    def all_cancelled(self, entry: Entry, record: r.CancelAllEnded) -> Notice:
        said = _why(say("{account}: cancelling all orders is over", account=record.account), record.says)
        return self._notice(entry, "done", "info", said, "", record.account)

    def stash_saved(self, entry: Entry, record: r.StashSaved) -> Notice:
        said = say(
            "{n} stop orders of {account} are saved as {name}",
            n=str(len(record.orders)),
            account=record.account,
            name=record.name,
        )
        if record.cancel:
            said = say("{saved}; they are being cancelled", saved=said)
        return self._notice(entry, "done", "info", said, "", record.account)

    def stash_emptied(self, entry: Entry, record: r.StashEmptied) -> Notice:
        said = say(
            "none of the orders of {name} is open any more; {n} can be restored",
            name=record.name,
            n=str(len(record.orders)),
        )
        return self._notice(entry, "done", "info", said)

    def stash_restored(self, entry: Entry, record: r.StashRestored) -> Notice:
        if record.bot:
            said = say("{name} is put back by {bot}", name=record.name, bot=record.bot)
        else:
            said = say("{name} is put back; everything stands", name=record.name)
        return self._notice(entry, "done", "info", said, record.bot)

    def command_taken(self, entry: Entry, record: r.CommandTaken) -> Notice | None:
        """What a schedule or the bots file does is told of by its own records."""
        if record.ok and record.via in ("schedule", "file"):
            return None
        said = say(
            "{who} by {way}: {command}: {says}",
            who=record.actor,
            way=record.via,
            command=f"{record.verb}{_subject(record.args)}",
            says=record.says,
        )
        level: Level = "info" if record.ok else "warn"
        return self._notice(entry, "command", level, said, actor=record.actor)

    def schedule_ran(self, entry: Entry, record: Any) -> Notice:
        level: Level = "info" if record.ok else "warn"
        if record.ok:
            what = say("schedule {name} ran", name=record.name)
        else:
            what = say("schedule {name} failed", name=record.name)
        return self._notice(entry, "schedule", level, _why(what, record.says))

    # ── helpers ─────────────────────────────────────────────────────────────────────────────

    def _notice(
        self,
        entry: Entry,
        kind: Kind,
        level: Level,
        said: Said,
        bot: str = "",
        account: str = "",
        **more: Any,
    ) -> Notice:
        key = f"{self._prefix}-{entry.seq}-{entry.ts_ns}"
        return a_notice(key, kind, level, said, entry.ts_ns, bot=bot, account=account, **more)

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
    "CancelAllEnded": Scribe.all_cancelled,
    "StashSaved": Scribe.stash_saved,
    "StashEmptied": Scribe.stash_emptied,
    "StashRestored": Scribe.stash_restored,
    "CommandTaken": Scribe.command_taken,
    "ScheduleRan": Scribe.schedule_ran,
}


# ── what is wrong now ───────────────────────────────────────────────────────────────────────────


def troubles(status: Status | None, away: str) -> list[Trouble]:
    """Most urgent first. While the engine is away only that is known."""
    if away:
        said = say("the engine is away: {why}", why=away)
        return [a_trouble(ENGINE, "engine", "alarm", said, 10 * SECOND_NS)]
    if status is None:
        return []
    found = [one for account in status.accounts for one in _of_account(account)]
    for bot in status.bots:
        if bot.phase == "parked" or (bot.phase == "paused" and bot.why):
            level: Level = "alarm" if bot.phase == "parked" else "warn"
            parked = bot.phase == "parked"
            what = say("{bot} is parked", bot=bot.bot) if parked else say("{bot} is paused", bot=bot.bot)
            said = say("{what}; mended? resume {bot}", what=_why(what, bot.why), bot=bot.bot)
            found.append(a_trouble(f"bot/{bot.bot}/{bot.number}", "parked", level, said, 0, bot=bot.bot))
    if status.unhedged:
        said = say("unhedged: {amount}", amount=text(status.unhedged))
        found.append(a_trouble("unhedged", "alarm", "alarm", said, MINUTE_NS))
    return sorted(found, key=lambda one: -LEVELS.index(one.level))


def _of_account(account: AccountLook) -> Iterable[Trouble]:
    name = account.account
    if account.unknown_orders:
        if account.unknown_orders > 1:
            many = str(account.unknown_orders)
            said = say("{account}: {n} orders are UNKNOWN; the venue is asked", account=name, n=many)
        else:
            said = say("{account}: an order is UNKNOWN; the venue is asked", account=name)
        yield a_trouble(f"unknown/{name}", "unknown", "alarm", said, 5 * SECOND_NS, account=name)
    if not account.ready:
        said = _why(say("{account} is not ready", account=name), account.why)
        yield a_trouble(f"venue/{name}", "venue", "alarm", said, 15 * SECOND_NS, account=name)
        return
    if trouble := account.trouble:
        said = as_it_came(f"{name}: {trouble}")
        yield a_trouble(f"trouble/{name}", "venue", "warn", said, MINUTE_NS, account=name)
    for market in account.markets:
        if market.open and not market.fresh and market.age_ns:
            said = _why(say("prices of {market} are stale", market=market.market), market.why)
            yield a_trouble(f"stale/{market.market}", "venue", "warn", said, 30 * SECOND_NS, account=name)


def a_trouble(
    key: str, kind: Kind, level: Level, said: Said, grace_ns: int, *, bot: str = "", account: str = ""
) -> Trouble:
    return Trouble(key, kind, level, told(said), grace_ns, bot, account, said)


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
    said = trouble.said or as_it_came(trouble.text)
    if one.told:
        said = say("{what} (for {span} now)", what=said, span=span(lasts_ns))
    key = f"{prefix}/{trouble.key}/{one.since_ns}/{one.told}"
    return _of_trouble(key, trouble, said, now_ns)


def _over_notice(one: Standing, now_ns: int, prefix: str) -> Notice:
    trouble = one.trouble
    what = trouble.said or as_it_came(trouble.text)
    said = say("over after {span}: {what}", span=span(now_ns - one.since_ns), what=what)
    key = f"{prefix}/{trouble.key}/{one.since_ns}/{one.told}/over"
    return _of_trouble(key, trouble, said, now_ns, over=True)


def _of_trouble(key: str, trouble: Trouble, said: Said, now_ns: int, **more: Any) -> Notice:
    whose = {"bot": trouble.bot, "account": trouble.account}
    return a_notice(key, trouble.kind, trouble.level, said, now_ns, **whose, **more)


# ── small words ─────────────────────────────────────────────────────────────────────────────────


def at_least(level: str, least: str) -> bool:
    """Whether a notice of this level goes where `least` is wanted ("off": nothing)."""
    return least != "off" and LEVELS.index(level) >= LEVELS.index(least)


def a_notice(key: str, kind: Kind, level: Level, said: Said, ts_ns: int, **more: Any) -> Notice:
    return Notice(key, kind, level, _short(told(said), _most(kind)), ts_ns, said=said, **more)


def span(ns: int) -> Said:
    minutes = ns // MINUTE_NS
    if minutes < 1:
        return say("{n} s", n=str(ns // SECOND_NS))
    if minutes < 60:
        return say("{n} min", n=str(minutes))
    return say("{h} h {m} min", h=str(minutes // 60), m=f"{minutes % 60:02d}")


def _why(said: Said, why: str) -> Said:
    return Said("{said}: {why}", {"said": said, "why": why}) if why else said


def _most(kind: Kind) -> int:
    return SUMMARY_MAX if kind == "summary" else TEXT_MAX


def _short(said: str, most: int = TEXT_MAX) -> str:
    return said if len(said) <= most else f"{said[: most - 1]}…"


def _order(order: r.Intent) -> Said:
    return _terms(order.side, order.qty, symbol_of(order.market), order.price)


def _terms(side: str, qty: Decimal, symbol: str, price: Decimal) -> Said:
    return say(
        "{side} {qty} {symbol} at {price}", side=SIDES[side], qty=text(qty), symbol=symbol, price=text(price)
    )


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
