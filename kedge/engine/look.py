"""What the desk looks like now, as frozen shapes for people. Reads everything, changes nothing."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from kedge.engine.claims import told_twice
from kedge.engine.engine import SECOND_NS, Engine
from kedge.engine.residue import residue
from kedge.engine.senses import BotNow, Link, MarketNow
from kedge.engine.state import Account, BotRow, Order, ScheduleRow, Slot, Stash
from kedge.engine.sweeping import needs as sweep_needs
from kedge.engine.view import why_idle
from kedge.engine.wants import Rest, Want
from kedge.model.instrument import Instrument, account_of
from kedge.model.ledger import Position
from kedge.model.looks import (
    AccountLook,
    BotLook,
    MarketLook,
    OrderLook,
    PositionLook,
    ScheduleLook,
    SlotLook,
    StashLook,
    Status,
)
from kedge.model.numbers import ZERO, text
from kedge.model.order import State, fires_rising
from kedge.model.sentences import unknown_name
from kedge.model.stash import SavedOrder

ALARMS_SHOWN_NS = 3600 * SECOND_NS


def status(e: Engine, now_ns: int, began_ns: int, seq: int, durable_seq: int) -> Status:
    """Everything at a glance."""
    realised, unrealised = _profit(e)
    return Status(
        cell=e.desk.cell,
        desk=f"{e.desk.desk:08x}",
        life=e.desk.life,
        version=e.version,
        now_ns=now_ns,
        began_ns=began_ns,
        seq=seq,
        durable_seq=durable_seq,
        killed=e.desk.killed,
        killed_why=e.desk.killed_why,
        accounts=tuple(_account(e, link, now_ns) for link in e.links.values()),
        bots=tuple(bot_look(e, row, now_ns) for row in e.desk.bots.values()),
        needs=tuple(_needs(e, now_ns)),
        realised=realised,
        unrealised=unrealised,
        counts=dict(e.counts),
        unhedged=_unhedged(e),
        schedules=tuple(_schedule(row) for row in e.desk.schedules.values()),
        stashes=tuple(_stash(e, name, one) for name, one in e.desk.stashes.items()),
    )


def positions(e: Engine) -> tuple[PositionLook, ...]:
    """Every open or traded position: per bot and slot, and what others did on the accounts."""
    found: list[PositionLook] = []
    for row in e.desk.bots.values():
        for slot in row.slots.values():
            instrument = e.desk.instrument(slot.market)
            if instrument is not None and (slot.tally.bought or slot.tally.sold):
                found.append(_position(e, row.name, slot.name, slot.market, slot.position, instrument))
    for account in e.desk.accounts.values():
        for symbol, position in account.external.items():
            market = f"{account.name}:{symbol}"
            instrument = account.instruments.get(symbol)
            if instrument is not None:
                found.append(_position(e, "", "", market, position, instrument))
    return tuple(found)


def orders(e: Engine) -> tuple[OrderLook, ...]:
    """Every order that is not settled."""
    return tuple(
        order_look(order)
        for account in e.desk.accounts.values()
        for order in account.orders.values()
        if not order.settled
    )


def stash(e: Engine, name: str) -> tuple[SavedOrder, ...]:
    """What was saved under this name. Raises `ValueError` with one sentence."""
    found = e.desk.stashes.get(name)
    if found is None:
        raise ValueError(unknown_name(name, e.desk.stashes, "stash"))
    return found.orders


def order_look(order: Order) -> OrderLook:
    return OrderLook(
        client_id=order.client_id,
        bot=order.bot,
        slot=order.slot,
        market=order.market,
        side=order.side,
        kind=order.kind,
        tif=order.tif,
        qty=order.qty,
        price=order.price,
        filled=order.filled,
        state=str(order.state),
        change=order.change,
        since_ns=order.intent_ns,
        venue_id=order.venue_id,
    )


# ── bots ────────────────────────────────────────────────────────────────────────────────────────


def bot_look(e: Engine, row: BotRow, now_ns: int) -> BotLook:
    now = e.bots.get(row.name) or BotNow(None, None, None)
    names = dict.fromkeys([*row.slots, *now.wants])
    return BotLook(
        bot=row.name,
        number=row.number,
        kind=row.kind,
        phase=row.phase,
        why=row.why,
        origin=row.origin,
        config=msgspec.json.decode(row.config),
        state=msgspec.json.decode(row.state),
        slots=tuple(_slot(e, row.slots.get(name), name, now) for name in names),
        last_word=row.last_word,
        waits_for=now.waits_for or _idle(e, row, now),
        wake_ns=e.timers.due_ns(("bot", row.name)) or 0,
    )


def _idle(e: Engine, row: BotRow, now: BotNow) -> str:
    """What keeps a bot from working though it runs; the first that is found."""
    if row.phase != "running" or now.held:
        return ""
    if e.desk.killed:
        return "the kill switch is on"
    return next((why for market in e.watched(row.name) if (why := why_idle(e, market))), "")


def _slot(e: Engine, slot: Slot | None, name: str, now: BotNow) -> SlotLook:
    want = now.wants.get(name)
    market = slot.market if slot else want.market if want else ""
    instrument = e.desk.instrument(market)
    standing = [e.desk.order(client_id) for client_id in slot.orders] if slot else []
    order = next((o for o in standing if o is not None), None)
    traded = slot is not None and instrument is not None
    return SlotLook(
        slot=name,
        market=market,
        wants=say_want(want),
        bought=slot.tally.bought if slot else ZERO,
        sold=slot.tally.sold if slot else ZERO,
        bought_average=slot.tally.bought_average(instrument) if traded and slot and instrument else ZERO,
        sold_average=slot.tally.sold_average(instrument) if traded and slot and instrument else ZERO,
        order=order_look(order) if order else None,
        held=now.held.get(name, ""),
    )


def _fires(want: Rest) -> str:
    if not want.trigger_price:
        return ""
    comes = "rises" if fires_rising(want.kind, want.side) else "falls"
    return f" when the price {comes} to {text(want.trigger_price)}"


def say_want(want: Want | None) -> str:
    if want is None:
        return "nothing"
    if isinstance(want, Rest):
        extra = [want.tif.replace("_", " ")] if want.tif != "gtc" else []
        extra += ["reduce only"] if want.reduce_only else []
        tail = f" ({', '.join(extra)})" if extra else ""
        at = f" at {text(want.price)}" if want.price else ""
        return f"{want.side} {text(want.qty)}{at}{tail}{_fires(want)}"
    return f"net {text(want.net)} {'at once' if want.how == 'cross' else 'at the touch'}"


# ── accounts and markets ────────────────────────────────────────────────────────────────────────


def _account(e: Engine, link: Link, now_ns: int) -> AccountLook:
    account = e.desk.accounts.get(link.account) or Account(link.account)
    live = [order for order in account.orders.values() if order.live]
    watched = [m for name, m in e.markets.items() if account_of(name) == link.account and m.watchers]
    return AccountLook(
        account=link.account,
        venue=link.rules.venue,
        up=link.up,
        ready=link.ready,
        why=link.why,
        since_ns=link.since_ns,
        last_report_ns=link.reported_ns,
        open_orders=len(live),
        unknown_orders=sum(1 for order in live if order.state is State.UNKNOWN),
        balances={b.asset: b.total for b in link.balances or account.balances},
        markets=tuple(_market(e, market, now_ns) for market in watched),
        orders=_by_state(live),
        sweeping=sweep_needs(e, link.account),
        free={b.asset: b.free for b in link.balances or account.balances},
    )


def _schedule(row: ScheduleRow) -> ScheduleLook:
    return ScheduleLook(
        name=row.name,
        verb=row.verb,
        args=msgspec.json.decode(row.args),
        every=row.every,
        zone=row.zone,
        enabled=row.enabled,
        missed=row.missed,
        comment=row.comment,
        next_ns=row.next_ns if row.enabled else 0,
        due_ns=row.due_ns,
        ran_ns=row.ran_ns,
        ok=row.ok,
        says=row.says,
        set_by=row.set_by,
    )


def _stash(e: Engine, name: str, one: Stash) -> StashLook:
    says = "its orders are being cancelled" if one.cancelling else ""
    if one.bot:
        says = f"{one.bot} puts it back"
    kept = [bot for bot in one.bots if (row := e.desk.bots.get(bot)) is not None and row.still]
    if kept and not says:
        says = f"{', '.join(kept)} is still until it is restored"
    return StashLook(name, one.account, len(one.orders), one.saved_ns, says)


def _by_state(live: list[Order]) -> dict[str, int]:
    found: dict[str, int] = {}
    for order in live:
        found[str(order.state)] = found.get(str(order.state), 0) + 1
    return found


def _market(e: Engine, market: MarketNow, now_ns: int) -> MarketLook:
    instrument = e.desk.instrument(market.market)
    account = account_of(market.market) + ":"
    return MarketLook(
        market=market.market,
        bid=market.bids[0].price if market.bids else ZERO,
        bid_qty=market.bids[0].qty if market.bids else ZERO,
        ask=market.asks[0].price if market.asks else ZERO,
        ask_qty=market.asks[0].qty if market.asks else ZERO,
        mark=market.mark,
        last=market.last,
        age_ns=now_ns - market.heard_ns if market.heard_ns else 0,
        fresh=e.fresh(market),
        open=instrument.is_open(now_ns) if instrument else False,
        opens_ns=instrument.opens_ns(now_ns) if instrument else 0,
        closes_ns=instrument.closes_ns(now_ns) if instrument else 0,
        why=why_idle(e, market.market).removeprefix(market.market).removeprefix(account).strip(": "),
    )


# ── money ───────────────────────────────────────────────────────────────────────────────────────


def _position(
    e: Engine, bot: str, slot: str, market: str, position: Position, instrument: Instrument
) -> PositionLook:
    mark = e.market(market).reference
    return PositionLook(
        bot=bot,
        slot=slot,
        market=market,
        qty=position.qty,
        average=position.average(instrument),
        mark=mark,
        realised=position.realised,
        unrealised=position.unrealised(instrument, mark) if mark > 0 else ZERO,
        settle=instrument.settle,
        fees=dict(position.fees),
    )


def _profit(e: Engine) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """Per settlement asset, of our bots and of what removed bots left to the account."""
    realised: dict[str, Decimal] = {}
    unrealised: dict[str, Decimal] = {}
    for look in positions(e):
        fees = look.fees.get(look.settle, ZERO)
        realised[look.settle] = realised.get(look.settle, ZERO) + look.realised - fees
        unrealised[look.settle] = unrealised.get(look.settle, ZERO) + look.unrealised
    return realised, unrealised


def _unhedged(e: Engine) -> Decimal:
    """Quote money that balancing wants have still to trade: zero when every leg is even."""
    total = ZERO
    for row in e.desk.bots.values():
        now = e.bots.get(row.name)
        for want in now.wants.values() if now else ():
            if isinstance(want, Rest):
                continue
            slot = row.slots.get(want.slot)
            rest = want.net - (slot.tally.net if slot else ZERO)
            instrument = e.desk.instrument(want.market)
            price = e.market(want.market).reference
            if instrument is not None and price > 0:
                total += instrument.notional(rest, price)
    return total


# ── what needs a person ─────────────────────────────────────────────────────────────────────────


def _needs(e: Engine, now_ns: int) -> list[str]:
    """Most urgent first: doubt about orders, parked bots, dead links, lately raised alarms."""
    found: list[str] = []
    told: dict[str, None] = {}
    if e.desk.killed:
        found.append(f"the kill switch is on: {e.desk.killed_why}")
    for account in e.desk.accounts.values():
        for order in account.orders.values():
            if order.state is State.UNKNOWN:
                age_s = (now_ns - order.intent_ns) // SECOND_NS
                what = f"{order.side} {text(order.qty)} {order.market}"
                found.append(f"order {order.client_id} ({what}) is UNKNOWN for {age_s} s; the venue is asked")
    for row in e.desk.bots.values():
        said = _needs_of_bot(e, row)
        if said:
            found.append(said)
            told[row.name] = None
    found += told_twice(e)
    found += [said for account in e.desk.sweeps if (said := sweep_needs(e, account))]
    for link in e.links.values():
        if not link.ready:
            mend = f"; not tried again; mended? kedge reconnect {link.account}" if link.stopped else ""
            found.append(f"{link.account} is not ready: {link.why}{mend}")
            told[link.account] = None
        elif link.odd:
            found.append(f"{link.account}: {link.odd}")
    lately = [alarm for alarm in e.alarms[-10:] if now_ns - alarm[0] < ALARMS_SHOWN_NS]
    found += [f"{who}: {said}" if who else said for _, who, said in lately if who not in told]
    return found


def _needs_of_bot(e: Engine, row: BotRow) -> str:
    """A person who paused a bot knows why; one that was paused or parked for a reason waits for a person."""
    left = residue(row)
    why = f": {row.why}" if row.why else ""
    holds = f"; it holds {left}" if left else ""
    if row.phase == "parked" or (row.phase == "paused" and why):
        return f"{row.name} is {row.phase}{why}{holds}; mended? kedge bot resume {row.name}"
    return f"{row.name} is killed{why}{holds}" if row.phase == "killed" and left else ""
