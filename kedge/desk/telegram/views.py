"""Each answer of Telegram as cards and tables of 34 columns: from a `Status` and rows, pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import tzinfo
from decimal import Decimal
from typing import Any

from msgspec import Struct

from kedge.desk.screens import Look, about, digits, moment, order_id, plain, span
from kedge.desk.telegram.phone import Answer, card, clean, table, two
from kedge.desk.telegram.tongue import Tongue
from kedge.desk.telegram.vocabulary import BY_NAME, Word, form_of, help_lines
from kedge.model.instrument import symbol_of
from kedge.model.looks import AccountLook, BotLook, MarketLook, SlotLook, Status
from kedge.model.numbers import text

Row = Mapping[str, Any]

BALANCES_SHOWN = 12
NEEDS_SHOWN = 10


class Eyes(Struct, frozen=True):
    """How it is read: the language, the moment and the zone."""

    say: Tongue
    now_ns: int
    zone: tzinfo | None = None

    def when(self, ns: int) -> str:
        """Time of day, with the date where it is not today; without milliseconds."""
        return moment(ns, Look(self.now_ns, self.zone), False).rpartition(".")[0]


# ── the desk ────────────────────────────────────────────────────────────────────────────────────


def status(now: Status, eyes: Eyes) -> Answer:
    say = eyes.say
    up = span(max(0, now.now_ns - now.began_ns))
    head = [f"{now.cell} · Kedge {now.version} · {say('up {time}', time=up)}"]
    if now.killed:
        why = f": {clean(now.killed_why)}" if now.killed_why else ""
        head.append(say("THE KILL SWITCH IS ON") + why)
    if now.unhedged:
        head.append(say("unhedged {amount}", amount=text(now.unhedged)))
    head += [f"! {clean(need)}" for need in now.needs[:NEEDS_SHOWN]]
    blocks = [_bot_line(bot) for bot in now.bots] or [say("no bots")]
    blocks.append(_profit_now(now, say))
    return Answer("\n".join(head), tuple(blocks))


def bots(now: Status, eyes: Eyes) -> Answer:
    say = eyes.say
    blocks = tuple(_bot_card(bot, say) for bot in now.bots)
    return Answer(say("{count} bots", count=len(now.bots)), blocks)


def bot(one: BotLook, eyes: Eyes) -> Answer:
    settings = ", ".join(f"{key}={digits(value)}" for key, value in plain(one.config).items())
    blocks = [card(f"{one.kind} {one.phase}", one.why, one.last_word, settings)]
    if one.waits_for:
        blocks.append(card(eyes.say("waits for"), one.waits_for))
    blocks += [_slot_card(slot, eyes.say) for slot in one.slots]
    return Answer(one.bot, tuple(blocks))


def health(now: Status, age_ns: int, eyes: Eyes) -> Answer:
    say = eyes.say
    head = [say("engine: life {life}, {count} records", life=now.life, count=now.seq)]
    head.append(say("heard {time} ago", time=span(age_ns)))
    head += [f"! {clean(need)}" for need in now.needs[:NEEDS_SHOWN]]
    blocks = []
    for account in now.accounts:
        blocks.append(_account_card(account, say))
        blocks += [_market_card(market, say) for market in account.markets]
    return Answer("\n".join(head), tuple(blocks))


def balance(now: Status, eyes: Eyes) -> Answer:
    blocks = []
    for account in now.accounts:
        held = {asset: amount for asset, amount in account.balances.items() if amount}
        first = sorted(held, key=lambda asset: (asset not in ("USDT", "USDC", "USD", "EUR", "BTC"), asset))
        lines = [two(asset, about(held[asset])) for asset in first[:BALANCES_SHOWN]]
        if more := len(held) - len(lines):
            lines.append(eyes.say("and {count} more", count=more))
        blocks.append("\n".join([account.account, *(lines or [eyes.say("nothing")])]))
    return Answer(eyes.say("Balances"), tuple(blocks))


def version(now: Status | None, desk: str, eyes: Eyes) -> Answer:
    engine = now.version if now is not None else "?"
    return Answer(eyes.say("desk {desk}, engine {engine}", desk=desk, engine=engine))


def schedules(now: Status, eyes: Eyes) -> Answer:
    say = eyes.say
    blocks = []
    for one in now.schedules:
        on = "" if one.enabled else f" ({say('off')})"
        due = say("next {time}", time=eyes.when(one.next_ns)) if one.next_ns else ""
        last = f"{'✓' if one.ok else '✗'} {eyes.when(one.ran_ns)} {one.says}" if one.ran_ns else ""
        blocks.append(card(f"{one.name}{on}", f"{one.verb} {one.every} {one.zone}", due, last))
    return Answer(say("Schedules") if blocks else say("Nothing runs on a schedule."), tuple(blocks))


# ── rows ────────────────────────────────────────────────────────────────────────────────────────


def orders(rows: Sequence[Row], eyes: Eyes) -> Answer:
    blocks = []
    for row in rows:
        state = f"{row['state']} {row.get('change') or ''}".strip()
        what = f"{row['side']} {digits(row['qty'])} {symbol_of(row['market'])}"
        price = f"{eyes.say('at')} {digits(row['price'])}, {eyes.say('filled')} {digits(row['filled'])}"
        known = order_id(row["client_id"]).plain
        blocks.append(
            card(f"{eyes.when(int(row['placed_ns']))} {row['bot']}", what, price, f"{state} {known}")
        )
    return Answer(eyes.say("Open orders: {count}", count=len(rows)), tuple(blocks))


def order(row: Row, eyes: Eyes) -> Answer:
    blocks = [
        card(f"{row['bot']} {row['slot']}", f"{row['side']} {digits(row['qty'])} {row['market']}"),
        two(eyes.say("price"), digits(row["price"])),
        two(eyes.say("filled"), digits(row["filled"])),
        two(eyes.say("average"), about(row["average"])),
        card(str(row["state"]), str(row.get("reason") or ""), str(row.get("why") or "")),
    ]
    return Answer(str(row["client_id"]), tuple(blocks))


def trades(rows: Sequence[Row], eyes: Eyes) -> Answer:
    blocks = []
    for row in rows:
        what = f"{row['side']} {digits(row['qty'])} {symbol_of(row['market'])}"
        price = f"{eyes.say('at')} {digits(row['price'])}"
        realised = str(row.get("realised") or "0")
        profit = f"{about(realised)} {row['settle']}" if Decimal(realised) else ""
        blocks.append(card(f"{eyes.when(int(row['ts_ns']))} {row['bot'] or '-'}", what, price, profit))
    return Answer(eyes.say("Last fills: {count}", count=len(rows)), tuple(blocks))


def positions(rows: Sequence[Row], eyes: Eyes) -> Answer:
    blocks = []
    for row in rows:
        who = f"{row['bot'] or eyes.say('the account')} {row['slot']}".strip()
        lines = [two(eyes.say("average"), about(row["average"]))]
        if row.get("mark"):
            lines.append(two(eyes.say("mark"), digits(row["mark"])))
        lines.append(two(eyes.say("realised"), f"{about(row['realised'])} {row['settle']}"))
        if row.get("unrealised"):
            lines.append(two(eyes.say("unrealised"), f"{about(row['unrealised'])} {row['settle']}"))
        what = f"{about(row['qty'])} {symbol_of(row['market'])}"
        blocks.append("\n".join([card(who, what), *lines]))
    return Answer(eyes.say("Positions: {count}", count=len(rows)), tuple(blocks))


def performance(rows: Sequence[Row], eyes: Eyes) -> Answer:
    """Profit by bot and market, fees in the same asset taken away; the best first."""
    found = []
    for row in rows:
        fees = row.get("fees") or {}
        net = Decimal(str(row["realised"])) - Decimal(str(fees.get(row["settle"], 0)))
        if net or fees:
            found.append((net, row))
    found.sort(key=lambda one: -one[0])
    blocks = [
        f"{card(row['bot'] or eyes.say('the account'), symbol_of(row['market']))}\n"
        f"{two(' ' + str(row['settle']), about(net))}"
        for net, row in found
    ]
    return Answer(eyes.say("Performance after fees"), tuple(blocks))


def story(of: str, rows: Sequence[Row], eyes: Eyes) -> Answer:
    blocks = tuple(card(eyes.when(int(row["ts_ns"])), str(row.get("says") or "")) for row in rows)
    if not blocks:
        return Answer(eyes.say("The journal knows nothing of {of}.", of=of))
    return Answer(of, blocks)


def notes(rows: Sequence[Row], eyes: Eyes) -> Answer:
    signs = {"alarm": "‼ ", "warn": "! "}
    blocks = tuple(
        card(
            f"{signs.get(row['level'], '')}{eyes.when(int(row['ts_ns']))} {row['bot'] or row['account']}",
            str(row["text"]),
        )
        for row in rows
    )
    return Answer(eyes.say("The last words"), blocks)


def preorders(rows: Sequence[Row], eyes: Eyes) -> Answer:
    blocks = []
    for row in rows:
        what = clean(str(row["product_name"] or row["product"]))
        amount = f"{row['sum_btc']} BTC" if row["sum_btc"] else ""
        lines = [two(f"{row['preorder_id']} {row['status']}", amount), f"{row['created_at'][:10]} {what}"]
        lines += [clean(str(row[name])) for name in ("buyer", "status_text", "garant_status") if row[name]]
        blocks.append("\n".join(lines))
    return Answer(eyes.say("{what}: {count}", what="preorders", count=len(rows)), tuple(blocks))


def any_rows(what: str, rows: Sequence[Row], eyes: Eyes) -> Answer:
    """Rows for which there is no view of their own: what is in them, name by name."""
    blocks = []
    for row in rows:
        lines = [
            f"{key}: {clean(str(plain(value)))}" for key, value in row.items() if value not in ("", None)
        ]
        blocks.append("\n".join(card(line) for line in lines))
    return Answer(eyes.say("{what}: {count}", what=what, count=len(rows)), tuple(blocks))


def help_(word: str, role: Any, say: Tongue) -> Answer:
    if word:
        found: Word = BY_NAME[word]
        asks = "\n" + say("It asks before it does it.") if found.asks else ""
        return Answer(f"{form_of(found)}\n{say(found.help)}{asks}")
    return Answer(say("Commands"), tuple(card(*line.split("\n", 1)) for line in help_lines(role, say)))


def day_table(rows: Sequence[tuple[str, str, str]], eyes: Eyes) -> tuple[str, ...]:
    say = eyes.say
    return ("\n".join(table((say("day"), say("profit"), say("fills")), rows)),) if rows else ()


# ── parts ───────────────────────────────────────────────────────────────────────────────────────


def _bot_line(bot: BotLook) -> str:
    held = next((f"{slot.slot}: {slot.held}" for slot in bot.slots if slot.held), "")
    wants = next((slot.wants for slot in bot.slots if slot.wants != "nothing"), "")
    says = bot.waits_for or held or bot.last_word or bot.why or wants
    says = bot.why or says if bot.phase in ("parked", "killed", "paused") else says
    return card(f"{bot.bot} ({bot.kind}) {bot.phase}", says)


def _bot_card(bot: BotLook, say: Tongue) -> str:
    return "\n".join([_bot_line(bot), *(_slot_card(slot, say) for slot in bot.slots)])


def _slot_card(slot: SlotLook, say: Tongue) -> str:
    order = ""
    if slot.order is not None:
        one = slot.order
        order = f"{one.state} {text(one.filled)}/{text(one.qty)} {say('at')} {text(one.price)}"
    done = say("bought {bought}, sold {sold}", bought=about(slot.bought), sold=about(slot.sold))
    return card(f" {slot.slot}: {slot.market}", done, slot.wants, order, slot.held)


def _account_card(account: AccountLook, say: Tongue) -> str:
    link = say("ready") if account.ready else say("asking") if account.up else say("down")
    counts = say("{open} open, {unknown} unknown", open=account.open_orders, unknown=account.unknown_orders)
    return card(f"{account.account} {link}", counts, account.why, account.trouble)


def _market_card(market: MarketLook, say: Tongue) -> str:
    how = "" if market.fresh and market.open else say("stale") if market.open else say("closed")
    prices = f"{text(market.bid)} / {text(market.ask)}" if market.bid or market.ask else say("no price yet")
    aged = f"{prices} ({span(market.age_ns)})" if market.age_ns else prices
    return card(f" {symbol_of(market.market)} {how}".rstrip(), aged, market.why)


def _profit_now(now: Status, say: Tongue) -> str:
    lines = [say("profit")]
    for asset in sorted({**now.realised, **now.unrealised}):
        realised = about(now.realised.get(asset, Decimal(0)))
        open_ = about(now.unrealised.get(asset, Decimal(0)))
        lines += [
            two(f" {say('realised')}", f"{realised} {asset}"),
            two(f" {say('unrealised')}", f"{open_} {asset}"),
        ]
    return "\n".join(lines if len(lines) > 1 else [say("no profit yet")])
