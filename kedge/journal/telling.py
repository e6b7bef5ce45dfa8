"""From records to rows: the fold that makes what people read.

One small function per kind of record, as in `engine/apply.py`; it follows the same table of moves and
books with the same ledger, so what people read is what the engine knows. It decides nothing, and a row
depends on nothing but the records before it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import apsw
import msgspec

from kedge.journal import rows
from kedge.model import records as r
from kedge.model.instrument import Instrument, account_of, market_of
from kedge.model.ledger import Position
from kedge.model.numbers import ZERO, text
from kedge.model.order import TERMINAL, Move, State, move, sign

MINUTE_NS = 60_000_000_000

SCHEMA = (
    rows.schema()
    + """
    CREATE TABLE instruments (market TEXT PRIMARY KEY, body BLOB NOT NULL) STRICT;
    CREATE TABLE applied (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        version INTEGER NOT NULL,
        seq INTEGER NOT NULL,    -- the last entry that is in these tables
        mark INTEGER NOT NULL    -- the crc32 of its bytes: tells another journal's from ours
    ) STRICT;
    """
)

_Params = tuple[Any, ...]


def _insert(name: str, verb: str = "INSERT") -> str:
    table = rows.TABLES[name]
    columns = [*table.columns, *table.hidden]
    return f"{verb} INTO {name} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"


_ORDER = _insert("orders", "INSERT OR IGNORE")
_FILL = _insert("fills", "INSERT OR IGNORE")
_POSITION = _insert("positions", "INSERT OR REPLACE")
_MINUTE = _insert("position_minutes", "INSERT OR REPLACE")
_DECISION = _insert("decisions")
_NOTE = _insert("notes")
_COMMAND = _insert("commands", "INSERT OR IGNORE")
_CASH = _insert("cash", "INSERT OR IGNORE")
_BOT = _insert("bots", "INSERT OR REPLACE")
_STORY = _insert("story")
_LEARN = (
    "UPDATE orders SET told = ?, price = coalesce(?, price), qty = coalesce(?, qty), "
    "venue_id = CASE ?4 WHEN '' THEN venue_id ELSE ?4 END, "
    "reason = CASE ?5 WHEN '' THEN reason ELSE ?5 END WHERE client_id = ?6"
)
_BOOK = (
    "UPDATE orders SET filled = ?, value = ?, average = ?, told = ?, "
    "venue_id = CASE ?5 WHEN '' THEN venue_id ELSE ?5 END WHERE client_id = ?6"
)
_LIVE_BOT = "SELECT number FROM bots WHERE bot = ? AND removed_ns = 0"


class Teller:
    """Folds entries into the tables of `db`, inside the caller's transaction."""

    def __init__(self, db: apsw.Connection) -> None:
        self._run = db.execute
        self._db = db
        self._instruments: dict[str, Instrument] = {}
        self._seq = 0
        self._ts_ns = 0
        self._kind = ""

    def tell(self, entry: r.Entry) -> None:
        self._seq, self._ts_ns = entry.seq, entry.ts_ns
        self._kind = r.kind_of(entry.record)
        handler = _TELL.get(type(entry.record))
        if handler is not None:
            handler(self, entry.record)

    # ── the desk ────────────────────────────────────────────────────────────────────────────

    def life_began(self, record: r.LifeBegan) -> None:
        self._run("UPDATE orders SET state = 'unknown' WHERE state = 'pending'")
        self._note("info", f"started (life {record.life}, Kedge {record.version})")

    def kill_switch(self, record: r.KillSwitch) -> None:
        turned = "on: nothing is sent but cancels" if record.on else "off"
        self._note(
            "alarm" if record.on else "warn",
            _why(f"{record.actor} turned the kill switch {turned}", record.why),
        )

    def command_taken(self, record: r.CommandTaken) -> None:
        args = bytes(record.args).decode()
        asked = (record.command_id, record.actor, record.via, record.verb, args)
        self._run(_COMMAND, (self._seq, self._ts_ns, *asked, record.ok, record.says))

    def noted(self, record: r.Noted) -> None:
        self._note(record.level, record.text, record.bot, record.account)

    # ── bots ────────────────────────────────────────────────────────────────────────────────

    def bot_added(self, record: r.BotAdded) -> None:
        config = bytes(record.config).decode()
        row = (record.number, record.bot, record.kind, "running", "", record.origin, config, self._ts_ns, 0)
        self._run(_BOT, row)
        self._note("info", f"added as a {record.kind}", record.bot)

    def bot_amended(self, record: r.BotAmended) -> None:
        self._bot(record.bot, "config = ?", bytes(record.config).decode())
        self._note("info", "its parameters were changed", record.bot)

    def bot_phased(self, record: r.BotPhased) -> None:
        self._bot(record.bot, "phase = ?, why = ?", record.phase, record.why)
        self._note("info", _why(record.phase, record.why), record.bot)

    def bot_removed(self, record: r.BotRemoved) -> None:
        """What it still held becomes the account's own, as in the engine."""
        for slot, market in self._run(
            "SELECT slot, market FROM positions WHERE bot = ? ORDER BY slot, market", (record.bot,)
        ).fetchall():
            self._hand_over(record.bot, str(slot), str(market))
        self._bot(record.bot, "removed_ns = ?", self._ts_ns)
        self._note("info", "removed", record.bot)

    def told(self, record: r.Told) -> None:
        self._story(f"{record.sender} tells it: {record.text}", record.bot)

    def _bot(self, bot: str, change: str, *values: object) -> None:
        self._run(f"UPDATE bots SET {change} WHERE bot = ? AND removed_ns = 0", (*values, bot))

    # ── orders ──────────────────────────────────────────────────────────────────────────────

    def intent(self, i: r.Intent) -> None:
        row = (
            i.client_id,
            i.bot,
            i.slot,
            i.market,
            i.side,
            i.kind,
            i.tif,
            i.role,
            text(i.qty),
            text(i.price),
        )
        rest = ("0", "0", State.PENDING, "", "", i.why, "", self._ts_ns, 0)
        self._run(_ORDER, row + rest + ("0", "0", i.quote, self._seq))
        self._decision("place", i.bot, i.slot, i.market, i.client_id, i.side, i.qty, i.price, i.why)
        self._story(_why(f"means to {_order(i)}", i.why), i.bot, i.client_id)

    def amend_intent(self, record: r.AmendIntent) -> None:
        self._run(
            "UPDATE orders SET change = 'amend', price = ? WHERE client_id = ?",
            (text(record.price), record.client_id),
        )
        self._change("amend", record, record.qty, record.price)
        says = f"means to change it to {text(record.qty)} at {text(record.price)}"
        self._story(_why(says, record.why), None, record.client_id)

    def cancel_intent(self, record: r.CancelIntent) -> None:
        self._run("UPDATE orders SET change = 'cancel' WHERE client_id = ?", (record.client_id,))
        self._change("cancel", record, ZERO, ZERO)
        self._story(_why("means to cancel it", record.why), None, record.client_id)

    def order_moved(self, record: r.OrderMoved) -> None:
        row = self._run("SELECT state, told FROM orders WHERE client_id = ?", (record.client_id,)).get
        if row is not None:
            state, told = row
            learnt = (text(max(Decimal(told), record.cum_qty)), _maybe(record.price), _maybe(record.qty))
            self._run(_LEARN, (*learnt, record.venue_id, record.reason, record.client_id))
            self._order_is(record.client_id, move(State(state), record.move) or State(state))
        says = _why(_MOVED[record.move], record.reason)
        if record.cum_qty:
            says += f"; {text(record.cum_qty)} has traded, it says"
        self._story(says, None, record.client_id)

    def change_settled(self, record: r.ChangeSettled) -> None:
        if record.result in ("done", "refused"):
            self._run(
                "UPDATE orders SET change = '' WHERE client_id = ? AND change = ?",
                (record.client_id, record.request),
            )
        says = _why(f"the venue's answer to the {record.request}: {record.result}", record.reason)
        self._story(says, None, record.client_id)

    def refused(self, record: r.Refused) -> None:
        self._decision(
            "refused",
            record.bot,
            record.slot,
            record.market,
            "",
            record.side,
            record.qty,
            record.price,
            record.reason,
        )
        what = f"{record.side} {text(record.qty)} at {text(record.price)} in {record.market} was refused"
        self._story(_why(what, record.reason), record.bot)

    def _order_is(self, client_id: str, state: State) -> None:
        if state in TERMINAL:
            self._run(
                "UPDATE orders SET state = ?, change = '', ended_ns = iif(ended_ns, ended_ns, ?) "
                "WHERE client_id = ?",
                (state, self._ts_ns, client_id),
            )
        else:
            self._run("UPDATE orders SET state = ?, ended_ns = 0 WHERE client_id = ?", (state, client_id))

    def _change(
        self, verb: str, record: r.AmendIntent | r.CancelIntent, qty: Decimal, price: Decimal
    ) -> None:
        order = self._run(
            "SELECT bot, slot, market, side FROM orders WHERE client_id = ?", (record.client_id,)
        ).get or ("", "", "", "")
        bot, slot, market, side = order
        self._decision(verb, bot, slot, market, record.client_id, side, qty, price, record.why)

    # ── money ───────────────────────────────────────────────────────────────────────────────

    def filled(self, record: r.Filled) -> None:
        fill, market = record.fill, market_of(record.account, record.fill.symbol)
        there = "SELECT 1 FROM fills WHERE account = ? AND exec_id = ?"
        if self._run(there, (record.account, fill.exec_id)).get is not None:
            return
        instrument = self._instrument(market)
        bot, slot = record.bot, record.slot
        if not bot or self._run(_LIVE_BOT, (bot,)).get is None:
            bot = slot = ""
        signed = fill.qty * sign(fill.side)
        position = self._position(bot, slot, market)
        profit = position.book(instrument, signed, fill.price)
        position.pay(fill.fee_asset, fill.fee)
        self._keep(bot, slot, market, position, instrument)
        row = (self._seq, self._ts_ns, record.account, fill.exec_id, fill.client_id, fill.venue_id)
        rest = (text(fill.fee), fill.fee_asset, fill.maker, fill.kind, text(profit), instrument.settle)
        middle = (record.bot, record.slot, market, fill.side, text(fill.qty), text(fill.price))
        self._run(_FILL, row + middle + rest + (fill.venue_ns,))
        self._fill_order(
            fill.client_id, fill.venue_id, fill.qty, instrument.value(signed, fill.price), instrument
        )
        fee = f"fee {text(fill.fee)} {fill.fee_asset}"
        says = f"{fill.side} {text(fill.qty)} traded at {text(fill.price)}, {fee}"
        self._story(says, record.bot, fill.client_id)

    def cash_moved(self, record: r.CashMoved) -> None:
        cash = record.cash
        row = (self._seq, self._ts_ns, record.account, cash.cash_id, cash.kind, cash.asset)
        self._run(_CASH, (*row, text(cash.amount), cash.symbol, cash.venue_ns))

    def synthetic(self, record: r.Synthetic) -> None:
        instrument = self._instrument(record.market)
        position = self._position("", "", record.market)
        position.book(instrument, record.qty, record.price)
        self._keep("", "", record.market, position, instrument)
        says = f"others traded {text(record.qty)} of {record.market} at {text(record.price)}"
        self._note("warn", _why(says, record.why), "", account_of(record.market))

    def audited(self, record: r.Audited) -> None:
        if not record.agrees:
            self._note("warn", _why("the account and the ledger differ", record.says), "", record.account)

    def instrument_known(self, record: r.InstrumentKnown) -> None:
        market = market_of(record.account, record.instrument.symbol)
        self._instruments[market] = record.instrument
        self._run(
            "INSERT OR REPLACE INTO instruments VALUES (?, ?)",
            (market, msgspec.json.encode(record.instrument)),
        )

    def _fill_order(
        self, client_id: str, venue_id: str, qty: Decimal, value: Decimal, instrument: Instrument
    ) -> None:
        row = self._run(
            "SELECT state, side, qty, filled, value, told FROM orders WHERE client_id = ?", (client_id,)
        ).get
        if row is None:
            return
        state, side, wanted, filled, sum_value, told = row
        now_filled, now_value = Decimal(filled) + qty, Decimal(sum_value) + value
        average = instrument.price_of(now_filled * sign(side), now_value)
        booked = (text(now_filled), text(now_value), text(average), text(max(Decimal(told), now_filled)))
        self._run(_BOOK, (*booked, venue_id, client_id))
        after = move(State(state), Move.FILL_ALL if now_filled >= Decimal(wanted) else Move.FILL)
        assert after is not None, "the table has a fill for every state"
        self._order_is(client_id, after)

    def _instrument(self, market: str) -> Instrument:
        known = self._instruments.get(market)
        if known is None:
            body = self._run("SELECT body FROM instruments WHERE market = ?", (market,)).get
            assert body is not None, f"{market} traded before its instrument was known"
            known = self._instruments[market] = msgspec.json.decode(body, type=Instrument)
        return known

    def _position(self, bot: str, slot: str, market: str) -> Position:
        row = self._run(
            "SELECT qty, cost, realised, fees FROM positions WHERE bot = ? AND slot = ? AND market = ?",
            (bot, slot, market),
        ).get
        if row is None:
            return Position()
        qty, cost, realised, fees = row
        return Position(Decimal(qty), Decimal(cost), Decimal(realised), _fees.decode(fees))

    def _keep(self, bot: str, slot: str, market: str, position: Position, instrument: Instrument) -> None:
        qty, average = text(position.qty), text(position.average(instrument))
        realised = text(position.realised)
        fees = {asset: text(amount) for asset, amount in sorted(position.fees.items())}
        paid = msgspec.json.encode(fees).decode()
        held = (qty, text(position.cost), average, realised, instrument.settle, paid)
        self._run(_POSITION, (bot, slot, market, *held, self._ts_ns))
        minute = self._ts_ns // MINUTE_NS * MINUTE_NS
        self._run(_MINUTE, (minute, bot, slot, market, qty, average, realised))

    def _hand_over(self, bot: str, slot: str, market: str) -> None:
        theirs, instrument = self._position(bot, slot, market), self._instrument(market)
        self._run("DELETE FROM positions WHERE bot = ? AND slot = ? AND market = ?", (bot, slot, market))
        if theirs.qty == 0 and theirs.realised == 0 and not theirs.fees:
            return
        outside = self._position("", "", market)
        # Joining two positions by their sums keeps profit exact, whatever their signs.
        outside.qty += theirs.qty
        outside.cost += theirs.cost
        outside.realised += theirs.realised
        if outside.qty == 0 and outside.cost != 0:
            outside.realised -= outside.cost
            outside.cost = ZERO
        for asset, amount in theirs.fees.items():
            outside.pay(asset, amount)
        self._keep("", "", market, outside, instrument)

    # ── rows that many kinds write ──────────────────────────────────────────────────────────

    def _note(self, level: str, says: str, bot: str = "", account: str = "") -> None:
        self._run(_NOTE, (self._seq, self._ts_ns, level, bot, account, says))
        if bot:
            self._story(says, bot)

    def _decision(
        self,
        verb: str,
        bot: str,
        slot: str,
        market: str,
        client_id: str,
        side: str,
        qty: Decimal,
        price: Decimal,
        why: str,
    ) -> None:
        self._run(
            _DECISION,
            (self._seq, self._ts_ns, verb, bot, slot, market, client_id, side, text(qty), text(price), why),
        )

    def _story(self, says: str, bot: str | None, client_id: str = "") -> None:
        if bot is None:
            bot = self._run("SELECT bot FROM orders WHERE client_id = ?", (client_id,)).get or ""
        self._run(_STORY, (self._seq, self._ts_ns, self._kind, bot, client_id, says))


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


def _maybe(value: Decimal | None) -> str | None:
    return None if value is None else text(value)


def _order(i: r.Intent) -> str:
    at = "at market" if i.kind == "market" else f"at {text(i.price)}"
    words = [i.kind if i.kind != "market" else "", i.tif.replace("_", " ") if i.tif != "gtc" else ""]
    if i.trigger_price:
        words.append(f"when {i.trigger_by} reaches {text(i.trigger_price)}")
    if i.reduce_only:
        words.append("reduce only")
    said = ", ".join(word for word in words if word)
    return f"{i.side} {text(i.qty)} {at} in {i.market}" + (f" ({said})" if said else "")


# The value's own parameter type is narrower than `Record`, hence `Any`. Kinds not named tell people nothing.
_TELL: dict[type, Callable[[Teller, Any], None]] = {
    r.LifeBegan: Teller.life_began,
    r.KillSwitch: Teller.kill_switch,
    r.CommandTaken: Teller.command_taken,
    r.Noted: Teller.noted,
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
