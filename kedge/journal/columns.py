"""What the tables and their columns mean, in a phrase each: for the reference page and for heads of lists."""

from __future__ import annotations

from kedge.journal.rows import TABLES

ABOUT: dict[str, str] = {
    "orders": "One row an order. `state=open` is every order that may live (pending, open, unknown),"
    " `state=closed` the others.",
    "fills": "One row an execution, booked once.",
    "positions": 'Now, per bot, slot and market; bot "" is what others did on the account, and what removed'
    " bots left.",
    "position_minutes": "A position at the end of each minute in which it changed.",
    "decisions": "What bots meant: `place`, `amend`, `cancel`; and what a limit `refused`. The filter `kind`"
    " is the `verb`.",
    "notes": "Sentences for people, oldest facts of the desk included: starts, kill switch, phases, audits"
    " that differ.",
    "commands": "What people asked, with the answer. The filter `kind` is the `verb`; `state` is `done` or"
    " `refused`.",
    "cash": "Money that moved without a fill.",
    "bots": "All that ever were. `state` is a phase, `there` or `removed`.",
    "story": "One line a record, for `kedge explain`: an order's or a bot's whole story.",
    "instruments": "What the accounts trade, as the venue described it last. `state` is `active`, `inactive`"
    " or a status.",
    "lists": "Lists that people keep, as they stand. The filter `kind` is the list's name.",
    "schedules": "Commands that run by themselves. `state` is `enabled` or `disabled`; the filter `kind` is"
    " the `verb`.",
    "schedule_runs": "What came of each due time. The filter `kind` is the schedule's name; `state` is `done`"
    " or `refused`.",
    "days": "Profit per day (UTC), bot and settlement asset. The sum of `realised` over all days is what the"
    " positions have realised. The filter `kind` is the asset.",
}

COMMON: dict[str, str] = {
    "seq": "number of the journal's entry",
    "ts_ns": "when the engine learnt it",
    "account": "venue and name, like paper/main",
    "bot": 'the bot; "" is the account\'s own',
    "slot": "which of the bot's orders or legs",
    "market": "account and symbol, like paper/main:BTC-PERP",
    "symbol": "the venue's symbol",
    "client_id": "our id of the order",
    "venue_id": "the venue's id of the order",
    "side": "buy or sell",
    "kind": "its kind",
    "qty": "quantity, in units",
    "price": "price",
    "average": "average price; 0 when there is none",
    "realised": "realised profit in the settlement asset, fees apart",
    "settle": "the settlement asset",
    "fees": "fees paid",
    "state": "pending, open, unknown, filled, cancelled, expired, rejected or lost",
    "why": "the reason given",
    "says": "the sentence for people",
    "text": "the sentence for people",
    "level": "info, warn or alarm",
    "ok": "whether it was done",
    "args": "its arguments",
    "verb": "the command",
    "actor": "who asked: the machine's user, and the person they speak for",
    "command_id": "the command's id: it is done once",
    "venue_ns": "when it happened, by the venue's clock",
    "name": "the schedule's name",
    "cell": "which desk: the name of its cell",
    "exact": "decimals of the row that the database's numbers cannot hold, as text; mostly empty",
}

ITS_OWN: dict[str, str] = {
    "orders.kind": "limit, market or a stop",
    "orders.tif": "how long it stands: gtc, ioc, fok, post_only",
    "orders.role": "risk or balance: what it is for",
    "orders.filled": "how much of it has traded",
    "orders.average": "average price of what filled; 0 when nothing has",
    "orders.change": "amend or cancel while one has no answer",
    "orders.reason": "what the venue said last",
    "orders.why": "what the bot said",
    "orders.placed_ns": "when it was meant, before it left",
    "orders.ended_ns": "when it ended; 0 while it lives",
    "fills.exec_id": "the venue's id of the execution",
    "fills.fee": "fee paid; negative is a rebate",
    "fills.fee_asset": "the asset it was paid in",
    "fills.maker": "whether our order stood first",
    "fills.kind": "trade, liquidation, adl or delivery",
    "fills.realised": "the profit it took, in the settlement asset, fees apart",
    "positions.qty": "what is held; negative is short",
    "positions.cost": "the value at which it was opened",
    "positions.fees": "fees paid, per asset",
    "positions.ts_ns": "when it last changed",
    "position_minutes.ts_ns": "the minute's begin",
    "position_minutes.qty": "what was held at its end",
    "decisions.verb": "place, amend, cancel or refused",
    "commands.via": "by which way: cli, python, web, api, telegram, schedule",
    "cash.cash_id": "the venue's id of the movement",
    "cash.kind": "funding, transfer, fee, dust, insurance or other",
    "cash.asset": "what moved",
    "cash.amount": "how much; negative is paid",
    "cash.symbol": "for which instrument, where the venue says so",
    "bots.number": "its number for ever: it is in its order ids",
    "bots.phase": "running, paused, stopping, stopped, parked or killed",
    "bots.origin": "command or file",
    "bots.config": "its parameters",
    "bots.added_ns": "when it was added",
    "bots.removed_ns": "when it was removed; 0 while it is there",
    "bots.claim": "what no other living bot may hold",
    "story.kind": "the record's kind",
    "instruments.kind": "spot, linear, inverse, bond or points",
    "instruments.base": "what is traded",
    "instruments.quote": "what prices are in",
    "instruments.tick": "step of its price",
    "instruments.qty_step": "step of its quantity",
    "instruments.lot": "units in one lot of the venue's",
    "instruments.min_qty": "the least quantity",
    "instruments.max_qty": "the largest quantity",
    "instruments.min_notional": "the least value of an order",
    "instruments.multiplier": "value of one unit at a price of one",
    "instruments.nominal": "nominal of a bond",
    "instruments.tick_value": "value of one tick of a future in points",
    "instruments.expires_ns": "when it expires; 0 is never",
    "instruments.status": "trading, halted or closed",
    "instruments.name": "its name at the venue",
    "instruments.sector": "share, etf, bond, currency or future; empty where the venue has no such sorts",
    "instruments.asset": "of a derivative: what it is of",
    "instruments.asset_size": "how much of that is in one unit",
    "instruments.buy_margin": "what must lie ready to buy one unit, in the settlement asset; 0 is not known",
    "instruments.sell_margin": "what must lie ready to sell one unit",
    "instruments.can_buy": "whether it may be bought",
    "instruments.can_sell": "whether it may be sold",
    "instruments.can_short": "whether it may be sold short",
    "instruments.listed": "whether the venue lists it still",
    "instruments.active": "whether its status is trading",
    "lists.items": "what it holds",
    "lists.set_ns": "when it was set last",
    "schedules.every": "how often: an interval or cron",
    "schedules.zone": "the time zone its times are in",
    "schedules.enabled": "whether it runs",
    "schedules.missed": "what becomes of missed times: skip, or once",
    "schedules.comment": "what people noted",
    "schedules.set_ns": "when it was set last",
    "schedules.next_ns": "when it runs next; 0: not until it is enabled",
    "schedules.last_due_ns": "the due time that ran last; 0: none yet",
    "schedules.last_ok": "whether that was done",
    "schedules.last_says": "what came of it",
    "schedules.runs": "how often it ran",
    "schedules.failures": "how often that was refused",
    "schedule_runs.due_ns": "the due time",
    "schedule_runs.command_id": 'the command that was run; "" where none was',
    "days.day": "the day, like 2026-11-20",
    "days.ts_ns": "its first moment",
    "days.fees": "fees paid in the settlement asset",
    "days.funding": "funding, fees and insurance that moved without a fill; of the account, so bot is empty",
    "days.profit": "realised - fees + funding",
    "days.volume": "value of what was traded",
    "days.fills": "how many fills",
    "days.other_fees": "fees paid in other assets, per asset",
}

_TYPES = {
    "name": "text",
    "text": "text",
    "json": "text (JSON)",
    "int": "integer",
    "flag": "true or false",
    "decimal": "decimal",
}


def help_of(table: str, column: str) -> str:
    """What a column holds, in a phrase."""
    return ITS_OWN.get(f"{table}.{column}") or COMMON[column]


def tables_page() -> str:
    """The generated part of `docs/reference/tables.md`."""
    lines: list[str] = []
    for name, table in TABLES.items():
        filters = ", ".join(f"`{word}`" for word in dict.fromkeys([*table.filters, *table.words]))
        sorts = ", ".join(f"`{word}`" for word in table.sorts)
        keys = ", ".join(f"`{key}`" for key in ("cell", *table.keys))
        lines += [f"### {name}", "", ABOUT[name], "", "| column | type | meaning |", "|---|---|---|"]
        kinds = table.kinds()
        lines += [f"| `{c}` | {_TYPES[kinds[c]]} | {help_of(name, c)} |" for c in table.columns]
        lines += ["", f"Key: {keys}. Filters: {filters}. Sorts: {sorts} (as it is: `{table.sort}`).", ""]
    return "\n".join(lines)
