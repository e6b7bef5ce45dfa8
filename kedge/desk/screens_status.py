"""The desk at a glance, the bots one by one, and what happened when a run ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from rich.console import RenderableType
from rich.text import Text

from kedge.desk.screens import (
    NOTES,
    WIDE,
    Column,
    Look,
    Row,
    Screen,
    about,
    clean,
    digits,
    moment,
    money,
    name,
    number,
    plain,
    signed,
    span,
    stack,
    state,
    table,
    word,
    words,
)
from kedge.model.looks import AccountLook, BotLook, Status
from kedge.model.numbers import ZERO

# A summary shows the newest of these; `kedge notes` has all.
NOTES_SHOWN = 8
# `kedge status --json` has all.
BALANCES_SHOWN = 8
MONEY_FIRST = ("USDT", "USDC", "USD", "EUR", "BTC", "ETH")

_ACCOUNTS = (
    Column("account", ("account",), name),
    Column("venue", ("venue",), word, wide=True),
    Column("link", ("link",), state),
    Column("open", ("open_orders",), number, right=True),
    Column("unknown", ("unknown_orders",), number, right=True),
    Column("balances", ("balances",), words),
    Column("", ("why",), words),
)

_MARKETS = (
    Column("market", ("market",), name),
    Column("bid", ("bid",), number, right=True),
    Column("ask", ("ask",), number, right=True),
    Column("mark", ("mark",), number, right=True, wide=True),
    Column("age", ("age",), word, right=True),
    Column("", ("state",), state),
    Column("why", ("why",), words, wide=True),
)

_BOTS = (
    Column("bot", ("bot",), name),
    Column("kind", ("kind",), word),
    Column("phase", ("phase",), state),
    Column("says", ("says",), words),
)

_SLOTS = (
    Column("slot", ("slot",), name),
    Column("market", ("market",), word),
    Column("bought", ("bought",), number, right=True),
    Column("sold", ("sold",), number, right=True),
    Column("wants", ("wants",), words),
    Column("order", ("order",), words, wide=True),
    Column("held", ("held",), words),
)


def status_screen(status: Status, look: Look) -> Screen:
    """Most urgent first: the kill switch, what needs a person, accounts, markets, bots, profit."""

    def draw(width: int) -> RenderableType:
        accounts = [_account(account) for account in status.accounts]
        markets = [
            _market(market, account) for account in status.accounts for market in plain(account.markets)
        ]
        bots = [_bot(bot) for bot in status.bots]
        return stack(
            _head(status, look, width),
            _needs(status),
            table(accounts, _ACCOUNTS, width, look) if accounts else Text("no accounts", "dim"),
            table(markets, _MARKETS, width, look) if markets else None,
            table(bots, _BOTS, width, look) if bots else Text("no bots: kedge bot add", "dim"),
            _profit(status),
        )

    return Screen(status, draw)


def bots_screen(status: Status, look: Look) -> Screen:
    """Every bot with its slots: what it wants, what it has, what holds it up."""

    def draw(width: int) -> RenderableType:
        if not status.bots:
            return Text("no bots: kedge bot add", "dim")
        return stack(*(_one_bot(bot, width, look) for bot in status.bots))

    return Screen(status.bots, draw)


def summary_screen(
    status: Status,
    ran_ns: int,
    look: Look,
    *,
    orders: Sequence[Row] = (),
    fills: Sequence[Row] = (),
    notes: Sequence[Row] = (),
) -> Screen:
    """What happened: printed when `kedge up --for` ends. Rows as `read` gives them."""
    by_market = _traded(fills)
    states = _counted(orders)
    data = {
        "ran_ns": ran_ns,
        "life": status.life,
        "records": status.seq,
        "orders": states,
        "fills": len(fills),
        "traded": by_market,
        "realised": status.realised,
        "unrealised": status.unrealised,
        "bots": status.bots,
        "needs": status.needs,
        "counts": status.counts,
    }

    def draw(width: int) -> RenderableType:
        head = Text.assemble(
            ("what happened", "bold"), f" in {span(ran_ns)} · life {status.life} · {status.seq} records"
        )
        said = ", ".join(f"{count} {word}" for word, count in states.items()) or "none"
        return stack(
            head,
            _needs(status),
            Text(f"orders: {said}   fills: {len(fills)}"),
            table(by_market, _TRADED, width, look) if by_market else None,
            table([_bot(bot) for bot in status.bots], _BOTS, width, look) if status.bots else None,
            _said(notes, width, look),
            _profit(status),
        )

    return Screen(data, draw)


_TRADED = (
    Column("market", ("market",), name),
    Column("fills", ("fills",), number, right=True),
    Column("bought", ("bought",), number, right=True),
    Column("sold", ("sold",), number, right=True),
    Column("net", ("net",), signed, right=True),
)


# ── parts ───────────────────────────────────────────────────────────────────────────────────────


def _head(status: Status, look: Look, width: int) -> Text:
    head = Text.assemble((f"cell {clean(status.cell)}", "bold"))
    if width >= WIDE:
        head.append(f" · desk {clean(status.desk)} · Kedge {clean(status.version)}")
    up = span(max(0, status.now_ns - status.began_ns))
    head.append(f" · life {status.life} · up {up} · {moment(status.now_ns, look, True)}")
    if behind := status.seq - status.durable_seq:
        head.append(f" · {behind} records on their way to the disk", "yellow")
    if status.unhedged:
        head.append(f" · unhedged {digits(status.unhedged)}", "bold red")
    return head


def _needs(status: Status) -> Text | None:
    lines = []
    if status.killed:
        why = f": {clean(status.killed_why)}" if status.killed_why else ""
        lines.append(Text(f"THE KILL SWITCH IS ON{why}; release it with: kedge revive", "bold white on red"))
    told = "the kill switch is on" if status.killed else "\n"  # it has its own line above
    lines += [Text(f"! {clean(need)}", "bold red") for need in status.needs if not need.startswith(told)]
    return Text("\n").join(lines) if lines else None


def _account(account: AccountLook) -> Row:
    link = "ready" if account.ready else "asking" if account.up else "down"
    return {**plain(account), "link": link, "balances": _balances(account.balances)}


def _balances(balances: Mapping[str, Decimal]) -> str:
    """The money people count in first. A venue may have hundreds of coins; test networks give them all."""
    order = {asset: place for place, asset in enumerate(MONEY_FIRST)}
    assets = sorted(balances, key=lambda asset: (order.get(asset, len(order)), asset))
    shown = [f"{about(balances[asset])} {clean(asset)}" for asset in assets[:BALANCES_SHOWN]]
    more = len(assets) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _market(market: dict[str, Any], account: AccountLook) -> Row:
    """What was never heard is left empty; why an account is down stands with the account."""
    heard = bool(market["age_ns"])
    how = "" if market["fresh"] and market["open"] else "stale" if market["open"] else "closed"
    prices = {name: "" if market[name] == "0" else market[name] for name in ("bid", "ask", "mark")}
    why = "" if market["why"] == account.why else market["why"]
    age = span(market["age_ns"]) if heard else ""
    return {**market, **prices, "age": age, "state": how if heard else how and "waiting", "why": why}


def _bot(bot: BotLook) -> Row:
    held = next((f"{slot.slot}: {slot.held}" for slot in bot.slots if slot.held), "")
    wants = next((f"{slot.slot}: {slot.wants}" for slot in bot.slots if slot.wants != "nothing"), "")
    says = bot.waits_for or held or bot.last_word or bot.why or wants
    says = bot.why or says if bot.phase in ("parked", "killed", "paused") else says
    return {"bot": bot.bot, "kind": bot.kind, "phase": bot.phase, "says": says}


def _setting(value: object) -> object:
    """Whole structures are counted, not shown: a stash has hundreds."""
    if isinstance(value, list):
        whole = any(isinstance(one, dict) for one in value)
        return f"{len(value)} entries" if whole else ",".join(str(digits(one)) for one in value)
    return digits(value)


def _one_bot(bot: BotLook, width: int, look: Look) -> RenderableType:
    head = Text.assemble((clean(bot.bot), "bold"), f"  {clean(bot.kind)}  ", state(bot.phase))
    for sentence in dict.fromkeys((bot.why, bot.waits_for and f"waits for {bot.waits_for}", bot.last_word)):
        if sentence:
            head.append(f"\n  {clean(sentence)}")
    settings = ", ".join(f"{key}={_setting(value)}" for key, value in plain(bot.config).items())
    if settings:
        head.append(f"\n  {clean(settings)}", "dim")
    slots = [_slot(row) for row in plain(bot.slots)]
    return stack(head, table(slots, _SLOTS, width, look)) if slots else head


def _slot(row: dict[str, Any]) -> Row:
    order = row["order"]
    if order:
        order = f"{order['state']} {order['filled']} of {order['qty']} at {order['price']}"
    return {**row, "order": order or ""}


def _profit(status: Status) -> Text:
    return Text.assemble(
        "profit: realised ", money(status.realised), " · unrealised ", money(status.unrealised)
    )


def _said(notes: Sequence[Row], width: int, look: Look) -> RenderableType | None:
    """What was more than information; the rest was on the terminal while it ran."""
    urgent = [note for note in notes if note.get("level") != "info"][:NOTES_SHOWN]
    return table(urgent[::-1], NOTES, width, look) if urgent else None


def _counted(orders: Sequence[Row]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for order in orders:
        word = str(order.get("state", ""))
        counts[word] = counts.get(word, 0) + 1
    return dict(sorted(counts.items()))


def _traded(fills: Sequence[Row]) -> list[dict[str, Any]]:
    sums: dict[str, dict[str, Any]] = {}
    for fill in fills:
        market = str(fill.get("market", ""))
        row = sums.setdefault(
            market, {"market": market, "fills": 0, "bought": ZERO, "sold": ZERO, "net": ZERO}
        )
        qty = Decimal(str(fill.get("qty", 0)))
        row["fills"] += 1
        row["bought" if fill.get("side") == "buy" else "sold"] += qty
        row["net"] += qty if fill.get("side") == "buy" else -qty
    return [sums[market] for market in sorted(sums)]
