"""From records to rows: the fold that makes what people read.

One small function per kind of record, as in `engine/apply.py`; it follows the same table of moves and
books with the same ledger, so what people read is what the engine knows. It decides nothing, and a row
depends on nothing but the records before it. It knows no database: rows come from and go to `Rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal, localcontext
from typing import Any, Protocol

import msgspec

from kedge.journal.days import Days
from kedge.journal.telling_rows import (
    Key,
    Row,
    fill_row,
    instrument_row,
    list_row,
    needed,
    order_row,
    order_words,
    schedule_row,
)
from kedge.model import records as r
from kedge.model.instrument import Instrument, account_of, market_of
from kedge.model.ledger import Position
from kedge.model.numbers import MONEY, ZERO, text
from kedge.model.order import TERMINAL, Move, State, move, sign

MINUTE_NS = 60_000_000_000


class Rows(Protocol):
    """As much of a database as the fold needs. A row is a dict by column; change it and `put` it."""

    def get(self, table: str, *key: Any) -> Row | None: ...
    def put(self, table: str, row: Row) -> None: ...
    def add(self, table: str, row: Row) -> None: ...
    def drop(self, table: str, *key: Any) -> None: ...
    def find(self, table: str, column: str, value: Any) -> list[Row]: ...
    def fetch(self, table: str, keys: Iterable[Key]) -> None: ...


class Teller:
    """Folds entries into rows, inside the caller's transaction.

    What it remembers between entries is in the rows as well; after a transaction that failed, make a new one.
    """

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self._days = Days(rows)
        self._instruments: dict[str, Instrument] = {}
        # Numbers of bots that are there; None for a name that no bot has.
        self._live: dict[str, int | None] = {}
        self._seq = 0
        self._ts_ns = 0
        self._kind = ""

    def tell_all(self, entries: Sequence[r.Entry]) -> None:
        """A batch: what it needs is read first, in one question per table."""
        needs: dict[str, list[Key]] = {}
        for entry in entries:
            for table, key in needed(entry.record):
                needs.setdefault(table, []).append(key)
        for table, keys in needs.items():
            self._rows.fetch(table, keys)
        with localcontext(MONEY):
            for entry in entries:
                self.tell(entry)

    def tell(self, entry: r.Entry) -> None:
        self._seq, self._ts_ns = entry.seq, entry.ts_ns
        self._kind = type(entry.record).__name__
        handler = _TELL.get(type(entry.record))
        if handler is not None:
            handler(self, entry.record)

    # ── the desk ────────────────────────────────────────────────────────────────────────────

    def life_began(self, record: r.LifeBegan) -> None:
        for order in self._rows.find("orders", "state", State.PENDING.value):
            order["state"] = State.UNKNOWN.value
            self._rows.put("orders", order)
        self._note("info", f"started (life {record.life}, Kedge {record.version})")

    def kill_switch(self, record: r.KillSwitch) -> None:
        turned = "on: nothing is sent but cancels" if record.on else "off"
        self._note(
            "alarm" if record.on else "warn",
            _why(f"{record.actor} turned the kill switch {turned}", record.why),
        )

    def command_taken(self, record: r.CommandTaken) -> None:
        if self._rows.get("commands", record.command_id) is not None:
            return
        row = {
            "seq": self._seq,
            "ts_ns": self._ts_ns,
            "command_id": record.command_id,
            "actor": record.actor,
            "via": record.via,
            "verb": record.verb,
            "args": bytes(record.args).decode(),
            "ok": record.ok,
            "says": record.says,
        }
        self._rows.put("commands", row)

    def noted(self, record: r.Noted) -> None:
        self._note(record.level, record.text, record.bot, record.account)

    def cancel_all_asked(self, record: r.CancelAllAsked) -> None:
        says = f"{record.actor} asked that every open order go, whoever placed it"
        self._note("warn", _why(says, record.why), "", record.account)

    def cancel_all_ended(self, record: r.CancelAllEnded) -> None:
        self._note("info", _why("cancelling all orders is over", record.says), "", record.account)

    # ── schedules and errands ───────────────────────────────────────────────────────────────

    def list_set(self, record: r.ListSet) -> None:
        self._rows.put("lists", list_row(record, self._ts_ns))

    def schedule_set(self, record: r.ScheduleSet) -> None:
        before = self._rows.get("schedules", record.name) or {}
        self._rows.put("schedules", schedule_row(record, before, self._ts_ns))

    def schedule_removed(self, record: r.ScheduleRemoved) -> None:
        self._rows.drop("schedules", record.name)

    def schedule_ran(self, record: r.ScheduleRan) -> None:
        run = {"name": record.name, "due_ns": record.due_ns, "ok": record.ok, "says": record.says}
        about = {"seq": self._seq, "ts_ns": self._ts_ns, "command_id": record.command_id}
        self._rows.add("schedule_runs", run | about)
        row = self._rows.get("schedules", record.name)
        if row is None:
            return
        row |= {"last_due_ns": record.due_ns, "last_ok": record.ok, "last_says": record.says}
        row["next_ns"] = record.next_ns
        row["runs"] += 1
        row["failures"] += not record.ok
        self._rows.put("schedules", row)

    def errand_ended(self, record: r.ErrandEnded) -> None:
        self._note("info" if record.ok else "warn", record.says)

    # ── bots ────────────────────────────────────────────────────────────────────────────────

    def bot_added(self, record: r.BotAdded) -> None:
        row = {
            "number": record.number,
            "bot": record.bot,
            "kind": record.kind,
            "phase": "running",
            "why": "",
            "origin": record.origin,
            "config": bytes(record.config).decode(),
            "added_ns": self._ts_ns,
            "removed_ns": 0,
            "claim": record.claim,
        }
        self._rows.put("bots", row)
        self._live[record.bot] = record.number
        self._note("info", f"added as a {record.kind}", record.bot)

    def bot_amended(self, record: r.BotAmended) -> None:
        self._bot(record.bot, config=bytes(record.config).decode(), claim=record.claim)
        self._note("info", "its parameters were changed", record.bot)

    def bot_phased(self, record: r.BotPhased) -> None:
        self._bot(record.bot, phase=record.phase, why=record.why)
        self._note("info", _why(record.phase, record.why), record.bot)

    def bot_removed(self, record: r.BotRemoved) -> None:
        """What it still held becomes the account's own, as in the engine."""
        for row in self._rows.find("positions", "bot", record.bot):
            self._hand_over(record.bot, row["slot"], row["market"])
        self._bot(record.bot, removed_ns=self._ts_ns)
        self._live[record.bot] = None
        self._note("info", "removed", record.bot)

    def told(self, record: r.Told) -> None:
        self._story(f"{record.sender} tells it: {record.text}", record.bot)

    def _bot(self, bot: str, **changes: Any) -> None:
        number = self._number(bot)
        row = self._rows.get("bots", number) if number is not None else None
        if row is not None:
            self._rows.put("bots", row | changes)

    def _number(self, bot: str) -> int | None:
        """The number of the living bot of that name."""
        if bot not in self._live:
            rows = self._rows.find("bots", "bot", bot)
            self._live[bot] = next((row["number"] for row in rows if not row["removed_ns"]), None)
        return self._live[bot]

    # ── orders ──────────────────────────────────────────────────────────────────────────────

    def intent(self, i: r.Intent) -> None:
        if self._rows.get("orders", i.client_id) is None:
            self._rows.put("orders", order_row(i, self._seq, self._ts_ns))
        self._decision("place", i, i.client_id, (i.side, i.qty, i.price), i.why)
        self._story(_why(f"means to {order_words(i)}", i.why), i.bot, i.client_id)

    def amend_intent(self, record: r.AmendIntent) -> None:
        order = self._rows.get("orders", record.client_id)
        if order is not None:
            order["change"], order["price"] = "amend", record.price
            self._rows.put("orders", order)
        self._change("amend", record, order, record.qty, record.price)
        says = f"means to change it to {text(record.qty)} at {text(record.price)}"
        self._story(_why(says, record.why), None, record.client_id)

    def cancel_intent(self, record: r.CancelIntent) -> None:
        order = self._rows.get("orders", record.client_id)
        if order is not None:
            order["change"] = "cancel"
            self._rows.put("orders", order)
        self._change("cancel", record, order, ZERO, ZERO)
        self._story(_why("means to cancel it", record.why), None, record.client_id)

    def order_moved(self, record: r.OrderMoved) -> None:
        order = self._rows.get("orders", record.client_id)
        if order is not None:
            order["told"] = max(order["told"], record.cum_qty)
            order["price"] = order["price"] if record.price is None else record.price
            order["qty"] = order["qty"] if record.qty is None else record.qty
            order["venue_id"] = record.venue_id or order["venue_id"]
            order["reason"] = record.reason or order["reason"]
            self._order_is(order, move(State(order["state"]), record.move) or State(order["state"]))
        says = _why(_MOVED[record.move], record.reason)
        if record.cum_qty:
            says += f"; {text(record.cum_qty)} has traded, it says"
        self._story(says, None, record.client_id)

    def change_settled(self, record: r.ChangeSettled) -> None:
        order = self._rows.get("orders", record.client_id)
        if record.result in ("done", "refused") and order is not None and order["change"] == record.request:
            order["change"] = ""
            self._rows.put("orders", order)
        says = _why(f"the venue's answer to the {record.request}: {record.result}", record.reason)
        self._story(says, None, record.client_id)

    def refused(self, record: r.Refused) -> None:
        asked = (record.side, record.qty, record.price)
        self._decision("refused", record, "", asked, record.reason)
        what = f"{record.side} {text(record.qty)} at {text(record.price)} in {record.market} was refused"
        self._story(_why(what, record.reason), record.bot)

    def _order_is(self, order: Row, state: State) -> None:
        order["state"] = state.value
        if state in TERMINAL:
            order["change"] = ""
            order["ended_ns"] = order["ended_ns"] or self._ts_ns
        else:
            order["ended_ns"] = 0
        self._rows.put("orders", order)

    def _change(
        self,
        verb: str,
        record: r.AmendIntent | r.CancelIntent,
        order: Row | None,
        qty: Decimal,
        price: Decimal,
    ) -> None:
        side = order["side"] if order is not None else ""
        self._decision(verb, order, record.client_id, (side, qty, price), record.why)

    # ── money ───────────────────────────────────────────────────────────────────────────────

    def filled(self, record: r.Filled) -> None:
        fill, market = record.fill, market_of(record.account, record.fill.symbol)
        if self._rows.get("fills", record.account, fill.exec_id) is not None:
            return
        instrument = self._instrument(market)
        bot, slot = record.bot, record.slot
        if not bot or self._number(bot) is None:
            bot = slot = ""
        signed = fill.qty * sign(fill.side)
        position = self._position(bot, slot, market)
        profit = position.book(instrument, signed, fill.price)
        position.pay(fill.fee_asset, fill.fee)
        self._keep(bot, slot, market, position, instrument)
        self._rows.put("fills", fill_row(record, market, (self._seq, self._ts_ns), profit, instrument.settle))
        value = instrument.value(signed, fill.price)
        self._days.fill(self._ts_ns, bot, instrument.settle, profit, value)
        self._days.fee(self._ts_ns, bot, instrument.settle, fill.fee_asset, fill.fee)
        self._fill_order(fill.client_id, fill.venue_id, fill.qty, value, instrument)
        fee = f"fee {text(fill.fee)} {fill.fee_asset}"
        says = f"{fill.side} {text(fill.qty)} traded at {text(fill.price)}, {fee}"
        self._story(says, record.bot, fill.client_id)

    def cash_moved(self, record: r.CashMoved) -> None:
        cash = record.cash
        if self._rows.get("cash", record.account, cash.cash_id) is not None:
            return
        row = {
            "seq": self._seq,
            "ts_ns": self._ts_ns,
            "account": record.account,
            "cash_id": cash.cash_id,
            "kind": cash.kind,
            "asset": cash.asset,
            "amount": cash.amount,
            "symbol": cash.symbol,
            "venue_ns": cash.venue_ns,
        }
        self._rows.put("cash", row)
        self._days.cash(self._ts_ns, cash)

    def synthetic(self, record: r.Synthetic) -> None:
        instrument = self._instrument(record.market)
        position = self._position("", "", record.market)
        profit = position.book(instrument, record.qty, record.price)
        self._days.realised(self._ts_ns, "", instrument.settle, profit)
        self._keep("", "", record.market, position, instrument)
        says = f"others traded {text(record.qty)} of {record.market} at {text(record.price)}"
        self._note("warn", _why(says, record.why), "", account_of(record.market))

    def audited(self, record: r.Audited) -> None:
        if not record.agrees:
            self._note("warn", _why("the account and the ledger differ", record.says), "", record.account)

    def instrument_known(self, record: r.InstrumentKnown) -> None:
        market = market_of(record.account, record.instrument.symbol)
        self._instruments[market] = record.instrument
        self._rows.put("instruments", instrument_row(market, record, self._ts_ns))

    def _fill_order(
        self, client_id: str, venue_id: str, qty: Decimal, value: Decimal, instrument: Instrument
    ) -> None:
        order = self._rows.get("orders", client_id) if client_id else None
        if order is None:
            return
        order["filled"] += qty
        order["value"] += value
        order["average"] = instrument.price_of(order["filled"] * sign(order["side"]), order["value"])
        order["told"] = max(order["told"], order["filled"])
        order["venue_id"] = venue_id or order["venue_id"]
        whole = order["filled"] >= order["qty"]
        after = move(State(order["state"]), Move.FILL_ALL if whole else Move.FILL)
        assert after is not None, "the table has a fill for every state"
        self._order_is(order, after)

    def _instrument(self, market: str) -> Instrument:
        known = self._instruments.get(market)
        if known is None:
            row = self._rows.get("instruments", market)
            assert row is not None, f"{market} traded before its instrument was known"
            known = self._instruments[market] = msgspec.json.decode(row["body"], type=Instrument)
        return known

    def _position(self, bot: str, slot: str, market: str) -> Position:
        row = self._rows.get("positions", bot, slot, market)
        if row is None:
            return Position()
        return Position(row["qty"], row["cost"], row["realised"], _fees.decode(row["fees"]))

    def _keep(self, bot: str, slot: str, market: str, position: Position, instrument: Instrument) -> None:
        where = {"bot": bot, "slot": slot, "market": market}
        average = position.average(instrument)
        held = {"qty": position.qty, "average": average, "realised": position.realised}
        fees = {asset: text(amount) for asset, amount in sorted(position.fees.items())}
        rest = {
            "cost": position.cost,
            "settle": instrument.settle,
            "fees": msgspec.json.encode(fees).decode(),
            "ts_ns": self._ts_ns,
        }
        self._rows.put("positions", where | held | rest)
        self._rows.put("position_minutes", {"ts_ns": self._ts_ns // MINUTE_NS * MINUTE_NS} | where | held)

    def _hand_over(self, bot: str, slot: str, market: str) -> None:
        theirs, instrument = self._position(bot, slot, market), self._instrument(market)
        self._rows.drop("positions", bot, slot, market)
        if theirs.qty == 0 and theirs.realised == 0 and not theirs.fees:
            return
        outside = self._position("", "", market)
        # Joining two positions by their sums keeps profit exact, whatever their signs.
        outside.qty += theirs.qty
        outside.cost += theirs.cost
        outside.realised += theirs.realised
        if outside.qty == 0 and outside.cost != 0:
            outside.realised -= outside.cost
            self._days.realised(self._ts_ns, "", instrument.settle, -outside.cost)
            outside.cost = ZERO
        for asset, amount in theirs.fees.items():
            outside.pay(asset, amount)
        self._keep("", "", market, outside, instrument)

    # ── rows that many kinds write ──────────────────────────────────────────────────────────

    def _note(self, level: str, says: str, bot: str = "", account: str = "") -> None:
        row = {"seq": self._seq, "ts_ns": self._ts_ns, "level": level, "bot": bot, "account": account}
        self._rows.add("notes", row | {"text": says})
        if bot:
            self._story(says, bot)

    def _decision(
        self,
        verb: str,
        of: r.Intent | r.Refused | Row | None,
        client_id: str,
        asked: tuple[str, Decimal, Decimal],
        why: str,
    ) -> None:
        if of is None:
            bot = slot = market = ""
        elif isinstance(of, dict):
            bot, slot, market = of["bot"], of["slot"], of["market"]
        else:
            bot, slot, market = of.bot, of.slot, of.market
        side, qty, price = asked
        row = {
            "seq": self._seq,
            "ts_ns": self._ts_ns,
            "verb": verb,
            "bot": bot,
            "slot": slot,
            "market": market,
            "client_id": client_id,
            "side": side,
            "qty": qty,
            "price": price,
            "why": why,
        }
        self._rows.add("decisions", row)

    def _story(self, says: str, bot: str | None, client_id: str = "") -> None:
        if bot is None:
            order = self._rows.get("orders", client_id)
            bot = order["bot"] if order is not None else ""
        row = {"seq": self._seq, "ts_ns": self._ts_ns, "kind": self._kind, "bot": bot}
        self._rows.add("story", row | {"client_id": client_id, "says": says})


_fees = msgspec.json.Decoder(dict[str, Decimal])

_MOVED = {
    Move.SEEN: "the venue shows it live",
    Move.FILL: "the venue says part of it traded",
    Move.FILL_ALL: "the venue says all of it traded",
    Move.CANCEL: "cancelled at the venue",
    Move.EXPIRE: "expired at the venue",
    Move.REJECT: "the venue refused it",
    Move.SILENCE: "no definite answer: its fate is unknown until the venue has been asked",
    Move.ABSENT: "it is not at the venue and never will be",
}


def _why(says: str, why: str) -> str:
    return f"{says}: {why}" if why else says


# The value's own parameter type is narrower than `Record`, hence `Any`. Kinds not named tell people nothing.
_TELL: dict[type, Callable[[Teller, Any], None]] = {
    r.LifeBegan: Teller.life_began,
    r.KillSwitch: Teller.kill_switch,
    r.CommandTaken: Teller.command_taken,
    r.Noted: Teller.noted,
    r.CancelAllAsked: Teller.cancel_all_asked,
    r.CancelAllEnded: Teller.cancel_all_ended,
    r.ListSet: Teller.list_set,
    r.ScheduleSet: Teller.schedule_set,
    r.ScheduleRemoved: Teller.schedule_removed,
    r.ScheduleRan: Teller.schedule_ran,
    r.ErrandEnded: Teller.errand_ended,
    r.BotAdded: Teller.bot_added,
    r.BotAmended: Teller.bot_amended,
    r.BotPhased: Teller.bot_phased,
    r.BotRemoved: Teller.bot_removed,
    r.Told: Teller.told,
    r.Intent: Teller.intent,
    r.AmendIntent: Teller.amend_intent,
    r.CancelIntent: Teller.cancel_intent,
    r.OrderMoved: Teller.order_moved,
    r.ChangeSettled: Teller.change_settled,
    r.Refused: Teller.refused,
    r.Filled: Teller.filled,
    r.CashMoved: Teller.cash_moved,
    r.Synthetic: Teller.synthetic,
    r.Audited: Teller.audited,
    r.InstrumentKnown: Teller.instrument_known,
}
