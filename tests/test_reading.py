"""What people read: equal to what the engine knows, however it was batched, rebuilt or interrupted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from pathlib import Path

import pytest
from msgspec import Raw

from kedge.engine.apply import apply
from kedge.engine.state import Desk
from kedge.journal.journal import JournalError
from kedge.journal.reading import Ask, Reading, readable, reading_of
from kedge.journal.rows import TABLES
from kedge.model import ids
from kedge.model import records as r
from kedge.model.instrument import Instrument
from kedge.model.order import Move
from kedge.model.records import Entry
from kedge.model.venue import Cash, Fill

SECOND = 10**9
ACCOUNT = "paper/main"
ONE, FINE = Decimal(1), Decimal("0.001")
INSTRUMENTS = (
    Instrument("BTC-PERP", "linear", "BTC", "USDT", "USDT", Decimal("0.1"), FINE),
    Instrument("BTC-INV", "inverse", "BTC", "USD", "BTC", Decimal("0.5"), ONE, multiplier=Decimal(100)),
    Instrument("SU26", "bond", "SU26", "RUB", "RUB", Decimal("0.01"), ONE, nominal=Decimal(1000)),
)


class Memory:
    """A journal in memory."""

    def __init__(self, entries: list[Entry]) -> None:
        self.entries = entries

    def tail(self, after_seq: int, limit: int = 0) -> Iterator[Entry]:
        rest = self.entries[after_seq:]
        return iter(rest[:limit] if limit else rest)


class History:
    """Random but possible records: what an engine on a bad day could write."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.entries: list[Entry] = []
        self.orders: list[r.Intent] = []
        self.bots: dict[str, int] = {}
        self.counter = 0
        self.ts_ns = 1_795_000_000 * SECOND
        self.write(r.DeskMade(7, "main"), r.LifeBegan(1, "0.1"))
        for instrument in INSTRUMENTS:
            self.write(r.InstrumentKnown(ACCOUNT, instrument))

    def write(self, *new: r.Record) -> None:
        self.ts_ns += self.chance.randrange(20 * SECOND)
        self.entries += [Entry(n, self.ts_ns, x) for n, x in enumerate(new, len(self.entries) + 1)]

    def run(self, steps: int) -> list[Entry]:
        ways = [self.bot, self.intent, self.intent, self.news, self.news, self.fill, self.fill, self.fill]
        ways += [self.change, self.outside, self.words, self.remove, self.schedule]
        for _ in range(steps):
            self.chance.choice(ways)()
        return self.entries

    def qty(self) -> Decimal:
        return Decimal(self.chance.randrange(1, 50))

    def price(self) -> Decimal:
        return Decimal(self.chance.randrange(900_000, 1_100_000)) / 10

    def bot(self) -> None:
        name = f"bot-{self.chance.randrange(4)}"
        if name in self.bots:
            self.write(
                r.BotPhased(name, self.chance.choice(["running", "stopping"]), "because"),
                r.BotAmended(name, Raw(b'{"ratio":"2"}')),
            )
            return
        self.bots[name] = self.bots[name] if name in self.bots else len(self.entries)
        self.write(r.BotAdded(name, self.bots[name], "hedge", Raw(b'{"ratio":"1"}'), Raw(b"{}")))

    def remove(self) -> None:
        if self.bots and self.chance.random() < 0.2:
            name = self.chance.choice(list(self.bots))
            del self.bots[name]
            self.write(r.BotRemoved(name))
        elif self.chance.random() < 0.2:
            self.write(r.LifeBegan(self.counter + 2, "0.1"), r.KillSwitch(False, "me", "all is well"))

    def intent(self) -> None:
        if not self.bots:
            return self.bot()
        bot = self.chance.choice(list(self.bots))
        self.counter += 1
        number = self.chance.randrange(3)
        made = r.Intent(
            client_id=ids.mint(7, self.bots[bot], 1, self.counter),
            bot=bot,
            slot=f"slot-{number}",
            market=f"{ACCOUNT}:{INSTRUMENTS[number].symbol}",
            side=self.chance.choice(["buy", "sell"]),
            qty=self.qty(),
            price=self.price(),
            valid_until_ns=self.ts_ns + SECOND,
            tif=self.chance.choice(["gtc", "ioc", "post_only"]),
            why="the far leg filled 100%",
        )
        self.orders.append(made)
        self.write(made)
        return None

    def news(self) -> None:
        if self.orders:
            order = self.chance.choice(self.orders[-8:])
            move = self.chance.choice([Move.SEEN, Move.CANCEL, Move.SILENCE, Move.REJECT, Move.EXPIRE])
            self.write(
                r.OrderMoved(order.client_id, move, Decimal(0), "v-" + order.client_id[-4:], reason="so")
            )

    def fill(self) -> None:
        order = self.chance.choice(self.orders[-8:]) if self.orders else None
        symbol = order.market.partition(":")[2] if order else "BTC-PERP"
        ours = order is not None and order.bot in self.bots and self.chance.random() < 0.9
        exec_id = f"x{len(self.entries)}"
        made = Fill(
            exec_id=exec_id,
            client_id=order.client_id if order and ours else "",
            venue_id="v",
            symbol=symbol,
            side=order.side if order else "buy",
            qty=self.qty(),
            price=self.price(),
            fee=Decimal(self.chance.randrange(-5, 50)) / 100,
            fee_asset=self.chance.choice(["USDT", "BTC"]),
            venue_ns=self.ts_ns,
        )
        record = r.Filled(
            ACCOUNT, made, order.bot if order and ours else "", order.slot if order and ours else ""
        )
        self.write(record, *([record] if self.chance.random() < 0.1 else []))

    def schedule(self) -> None:
        name = f"every-{self.chance.randrange(3)}"
        args, due = Raw(b'{"why":"night"}'), self.ts_ns
        self.write(
            r.ListSet(f"{name}-list", ("SBER", "GAZP"), "me"),
            r.ScheduleSet(name, "desk.kill", args, "1h", due, "me", comment="x", enabled=True),
            r.ScheduleRan(name, due, self.chance.random() < 0.7, "done", due + 3600 * SECOND, "c-1"),
            *([r.ScheduleRemoved(name)] if self.chance.random() < 0.2 else []),
            r.CancelAllAsked(ACCOUNT, "me", "night"),
            r.CancelAllEnded(ACCOUNT, "2 orders"),
            r.ErrandBegan("e", "desk.backup", args, name),
            r.ErrandEnded("e", False, "the disk is full"),
        )

    def change(self) -> None:
        live = [order for order in self.orders[-8:] if order.bot in self.bots]
        if not live:
            return
        order = self.chance.choice(live)
        if self.chance.random() < 0.5:
            self.write(r.AmendIntent(order.client_id, self.price(), order.qty, 0, "follows the touch"))
            request = "amend"
        else:
            self.write(r.CancelIntent(order.client_id, 0, "no longer wanted"))
            request = "cancel"
        result = self.chance.choice(["done", "refused", "silent"])
        self.write(r.ChangeSettled(order.client_id, request, result, "so"))  # type: ignore[arg-type]

    def outside(self) -> None:
        number = len(self.entries)
        market = f"{ACCOUNT}:{self.chance.choice(INSTRUMENTS).symbol}"
        sign = self.chance.choice([1, -1])
        self.write(
            r.Synthetic(market, self.qty() * sign, self.price(), "found by the audit"),
            r.CashMoved(ACCOUNT, Cash(f"c{number}", "funding", "USDT", Decimal("-0.5"), self.ts_ns)),
            r.Audited(ACCOUNT, self.chance.random() < 0.5, "BTC differs"),
        )

    def words(self) -> None:
        number = len(self.entries)
        bot = self.chance.choice([*self.bots, ""])
        self.write(
            r.Noted("warn", f"note {number}: 100% sure", bot),
            r.CommandTaken(f"c-{number}", "me", "cli", "stop", Raw(b'{"bot":"b"}'), number % 2 == 0, "done"),
        )
        if bot:
            market = f"{ACCOUNT}:BTC-PERP"
            self.write(r.Refused(bot, "s", market, "buy", self.qty(), self.price(), "too large"))


def made(tmp_path: Path, entries: list[Entry], name: str = "main") -> Reading:
    reading = Reading.open(tmp_path, name)
    reading.apply(entries)
    return reading


@pytest.mark.parametrize("seed", range(8))
def test_people_read_what_the_engine_knows(tmp_path: Path, seed: int) -> None:
    entries = History(seed).run(300)
    desk = Desk()
    for entry in entries:
        apply(desk, entry.record, entry.ts_ns)
    reading = made(tmp_path, entries)
    held = {(p.bot, p.slot, p.market): p for p in reading.positions(Ask(limit=1000))}
    expected = {
        (bot.name, slot.name, slot.market): slot.position
        for bot in desk.bots.values()
        for slot in bot.slots.values()
        if slot.position.qty or slot.position.realised or slot.position.fees or slot.tally.bought
    }
    for account in desk.accounts.values():
        expected |= {("", "", f"{account.name}:{symbol}"): p for symbol, p in account.external.items()}
    assert set(held) == set(expected)
    for key, position in expected.items():
        row = held[key]
        assert (row.qty, row.cost, row.realised) == (position.qty, position.cost, position.realised), key
        assert row.fees == position.fees
        instrument = desk.instrument(key[2])
        assert instrument is not None
        assert row.average == position.average(instrument)
    rows = {o.client_id: o for o in reading.orders(Ask(limit=1000))}
    for account in desk.accounts.values():
        for order in account.orders.values():
            row_ = rows[order.client_id]
            assert (row_.state, row_.filled, row_.qty, row_.price) == (
                order.state,
                order.filled,
                order.qty,
                order.price,
            )
            assert (row_.change, row_.venue_id, row_.reason) == (order.change, order.venue_id, order.reason)
            assert (row_.ended_ns > 0) == (order.closed_ns > 0)
    nets: dict[str, Decimal] = {}
    for key, held_row in held.items():
        nets[key[2]] = nets.get(key[2], Decimal(0)) + held_row.qty
    assert {m: q for m, q in nets.items() if q} == {m: q for m, q in desk.nets.items() if q}
    reading.close()


@pytest.mark.parametrize("seed", range(5))
def test_any_batching_rebuilding_and_interruption_give_the_same_tables(tmp_path: Path, seed: int) -> None:
    entries = History(seed).run(200)
    whole = made(tmp_path, entries, "whole")
    digest = whole.digest()
    chance = random.Random(seed)
    parts = Reading.open(tmp_path, "parts")
    at = 0
    while at < len(entries):
        size = chance.choice([1, 2, 7, 100])
        # Now and then what was told is told again, with more after it.
        start = max(0, at - chance.choice([0, 0, 5]))
        parts.apply(entries[start : at + size])
        at += size
        if chance.random() < 0.2:
            interrupted(parts, entries[at : at + 9])
            parts.close()
            parts = Reading.open(tmp_path, "parts")
            assert parts.applied_seq == min(at, len(entries))
    assert parts.digest() == digest
    assert whole.rebuild(Memory(entries)) == len(entries)
    assert whole.digest() == digest
    parts.close()
    whole.close()


class Cut(BaseException):
    pass


def interrupted(reading: Reading, entries: list[Entry]) -> None:
    """Die in the middle of telling a batch."""
    if not entries:
        return
    tell, told = reading._teller.tell, [0]

    def dying(entry: Entry) -> None:
        tell(entry)
        told[0] += 1
        if told[0] == (len(entries) + 1) // 2:
            raise Cut

    reading._teller.tell = dying  # type: ignore[method-assign]
    with pytest.raises(Cut):
        reading.apply(entries)


def test_following_catches_up(tmp_path: Path) -> None:
    entries = History(1).run(100)
    reading = made(tmp_path, entries[:50])
    assert reading.follow(Memory(entries)) == len(entries)
    other = made(tmp_path, entries, "other")
    assert reading.digest() == other.digest()
    reading.close()
    other.close()


@pytest.mark.parametrize("journal", ["another", "shorter"])
def test_tables_of_another_past_are_made_again(tmp_path: Path, journal: str) -> None:
    mine = History(1).run(100)
    theirs = History(2).run(100) if journal == "another" else mine[:40]
    reading = made(tmp_path, mine)
    reading.follow(Memory(theirs))
    assert reading.applied_seq == len(theirs)
    other = made(tmp_path, theirs, "other")
    assert reading.digest() == other.digest()
    reading.close()
    other.close()


def test_a_gap_is_refused(tmp_path: Path) -> None:
    entries = History(1).run(10)
    reading = made(tmp_path, entries[:3])
    with pytest.raises(JournalError, match="was told after entry 3"):
        reading.apply(entries[4:])
    assert reading.applied_seq == 3
    reading.close()


def test_a_damaged_or_older_file_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = History(1).run(30)
    made(tmp_path, entries).close()
    path = reading_of(tmp_path, "main")
    path.write_bytes(b"spoilt" * 5000)
    reading = Reading.open(tmp_path, "main")
    assert reading.applied_seq == 0
    reading.follow(Memory(entries))
    reading.close()
    monkeypatch.setattr("kedge.journal.reading.VERSION", 99)
    reading = Reading.open(tmp_path, "main")
    assert reading.applied_seq == 0
    reading.close()


# ── asking ──────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reading]:
    opened = made(tmp_path_factory.mktemp("reading"), History(3).run(400))
    yield opened
    opened.close()


def test_pages_neither_repeat_nor_skip(reading: Reading) -> None:
    for name in readable():
        for sort in (None, "time", "-time"):
            whole = reading.find(name, Ask(limit=1000, sort=sort))
            pages = []
            while page := reading.find(name, Ask(limit=7, offset=len(pages), sort=sort)):
                assert len(page) <= 7
                pages += page
            assert tuple(pages) == whole, name
            assert whole, name


def test_every_promised_filter_and_sort_works(reading: Reading) -> None:
    for name, filters in readable().items():
        for sort in TABLES[name].sorts:
            up = reading.find(name, Ask(sort=sort, limit=1000))
            down = reading.find(name, Ask(sort="-" + sort, limit=1000))
            assert up == down[::-1], f"{name} by {sort}"
        for wanted in filters:
            values = [*TABLES[name].words.get(wanted, {})]
            values += TABLES[name].values.get(wanted, ("x",)) if wanted in TABLES[name].filters else ()
            for value in values:
                reading.read(name, {wanted: value})


def test_filters_choose(reading: Reading) -> None:
    everything = reading.orders(Ask(limit=1000))
    bot = everything[0].bot
    assert reading.orders(Ask(bot=bot, limit=1000)) == tuple(o for o in everything if o.bot == bot)
    live = ("pending", "open", "unknown")
    assert reading.orders(Ask(state="open", limit=1000)) == tuple(o for o in everything if o.state in live)
    assert reading.orders(Ask(state="closed", limit=1000)) == tuple(
        o for o in everything if o.state not in live
    )
    assert reading.orders(Ask(state="cancelled", limit=1000)) == tuple(
        o for o in everything if o.state == "cancelled"
    )
    market = f"{ACCOUNT}:BTC-INV"
    assert reading.orders(Ask(market=market, limit=1000)) == tuple(
        o for o in everything if o.market == market
    )
    assert reading.orders(Ask(account=ACCOUNT, limit=1000)) == everything
    assert reading.orders(Ask(account="paper/mai", limit=1000)) == ()
    middle = everything[len(everything) // 2].placed_ns
    since = reading.orders(Ask(since_ns=middle, limit=1000))
    until = reading.orders(Ask(until_ns=middle, limit=1000))
    assert since + until == everything
    outside = reading.positions(Ask(bot="", limit=1000))
    assert outside
    assert all(p.bot == "" for p in outside)
    flat, held = reading.positions(Ask(state="flat")), reading.positions(Ask(state="open"))
    assert all(p.qty == 0 for p in flat)
    assert held
    assert all(p.qty != 0 for p in held)


def test_text_is_searched_as_it_is_written(reading: Reading) -> None:
    assert reading.notes(Ask(text="100% SURE"))
    assert not reading.notes(Ask(text="100_ sure"))
    assert not reading.notes(Ask(text="%zz%"))
    assert not reading.notes(Ask(text="'; DROP TABLE notes; --"))
    assert reading.orders(Ask(text="far leg"))


@pytest.mark.parametrize(
    ("what", "args", "says"),
    [
        ("secrets", {}, "nothing called 'secrets'"),
        ("orders", {"level": "warn"}, "cannot be filtered by level"),
        ("orders", {"sort": "colour"}, "cannot be sorted by 'colour'"),
        ("orders", {"limit": 0}, "limit"),
        ("orders", {"limit": 1001}, "limit"),
        ("orders", {"offset": -1}, "offset"),
        ("orders", {"colour": "red"}, "colour"),
        ("orders", {"text": "x" * 300}, "text"),
        ("positions", {"state": "sideways"}, "one of open, flat"),
        ("orders", {"state": "unknwon"}, "one of open, closed, pending, unknown"),
        ("decisions", {"kind": "refuse"}, "one of place, amend, cancel, refused"),
        ("notes", {"level": "warning"}, "one of info, warn, alarm"),
        ("cash", {"kind": "gift"}, "one of funding, transfer"),
        ("story", {"of": "a", "limit": 3}, "`of` alone"),
    ],
)
def test_what_cannot_be_asked_is_said_in_a_sentence(
    reading: Reading, what: str, args: dict[str, object], says: str
) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        reading.read(what, args)
    assert "\n" not in str(caught.value)


def test_numbers_may_come_as_text(reading: Reading) -> None:
    assert len(reading.read("orders", {"limit": "3"})) == 3


def test_the_story_of_an_order_runs_from_intention_to_fill(reading: Reading) -> None:
    filled = next(o for o in reading.orders(Ask(limit=1000)) if o.filled > 0)
    story = reading.story(filled.client_id)
    assert story[0].kind == "Intent"
    assert story[0].says.startswith(f"means to {filled.side} ")
    assert story[0].says.endswith(": the far leg filled 100%")
    assert "Filled" in [line.kind for line in story]
    assert [line.seq for line in story] == sorted(line.seq for line in story)
    assert all(line.bot == filled.bot for line in story)
    assert reading.story("0x" + filled.client_id.upper()) == story
    assert reading.story(ids.as_uuid(filled.client_id)) == story
    assert reading.read("story", {"of": filled.client_id}) == story


def test_the_story_of_a_bot_has_all_of_it(reading: Reading) -> None:
    bot = reading.orders()[0].bot
    story = reading.story(bot)
    assert {"Intent", "BotAdded", "Filled"} <= {line.kind for line in story}
    assert reading.story(bot, limit=3) == story[-3:]
    assert reading.story("nobody") == ()


def test_minutes_show_how_a_position_came_to_be(reading: Reading) -> None:
    position = next(p for p in reading.positions(Ask(state="open")) if p.bot)
    minutes = reading.position_minutes(Ask(bot=position.bot, market=position.market, limit=1000))
    assert minutes[-1].qty == position.qty
    assert minutes[-1].realised == position.realised
    assert all(m.ts_ns % (60 * SECOND) == 0 for m in minutes)


def one_of_each(client_id: str, market: str) -> list[r.Record]:
    return [
        r.InstrumentKnown(ACCOUNT, INSTRUMENTS[0]),
        r.BotAdded("b", 1, "hedge", Raw(b'{"a":1}'), Raw(b"{}"), origin="file"),
        r.Intent(
            client_id, "b", "s", market, "sell", Decimal("2.0"), Decimal("100.50"), 9, why="w", role="balance"
        ),
        r.OrderMoved(client_id, Move.SEEN, Decimal(0), "v1"),
        r.Filled(
            ACCOUNT,
            Fill(
                "x1",
                client_id,
                "v1",
                "BTC-PERP",
                "sell",
                ONE,
                Decimal("101"),
                Decimal("0.1"),
                "USDT",
                77,
                True,
            ),
            "b",
            "s",
        ),
        r.CommandTaken("c1", "me", "cli", "add", Raw(b'{"bot":"b"}'), True, "added b"),
        r.CashMoved(ACCOUNT, Cash("k1", "funding", "USDT", Decimal("-1.50"), 78, "BTC-PERP")),
        r.Noted("alarm", "look here", "b", ACCOUNT),
    ]


def test_rows_of_every_table_are_as_they_were_written(tmp_path: Path) -> None:
    """One of each, by hand, so that a column in the wrong place is seen."""
    client_id, market = ids.mint(7, 1, 1, 1), f"{ACCOUNT}:BTC-PERP"
    history = one_of_each(client_id, market)
    reading = made(tmp_path, [Entry(n, n * SECOND, x) for n, x in enumerate(history, 1)])
    (order,) = reading.orders()
    assert (order.side, order.kind, order.tif, order.role) == ("sell", "limit", "gtc", "balance")
    assert (order.qty, order.price, order.filled, order.average) == (2, Decimal("100.5"), 1, 101)
    assert (order.state, order.why, order.venue_id, order.placed_ns) == ("open", "w", "v1", 3 * SECOND)
    (fill,) = reading.fills()
    assert (fill.exec_id, fill.client_id, fill.bot, fill.slot, fill.market) == (
        "x1",
        client_id,
        "b",
        "s",
        market,
    )
    assert (fill.qty, fill.price, fill.fee, fill.fee_asset, fill.maker) == (
        1,
        101,
        Decimal("0.1"),
        "USDT",
        True,
    )
    assert (fill.kind, fill.realised, fill.settle, fill.venue_ns, fill.seq) == ("trade", 0, "USDT", 77, 5)
    (position,) = reading.positions()
    assert (position.qty, position.average, position.settle) == (-1, 101, "USDT")
    assert position.fees == {"USDT": Decimal("0.1")}
    (decision,) = reading.decisions()
    assert (decision.verb, decision.client_id, decision.side, decision.qty) == ("place", client_id, "sell", 2)
    (command,) = reading.commands()
    assert (command.command_id, command.verb, command.args, command.ok) == ("c1", "add", {"bot": "b"}, True)
    assert command.says == "added b"
    (cash,) = reading.cash()
    assert (cash.cash_id, cash.kind, cash.amount, cash.symbol) == (
        "k1",
        "funding",
        Decimal("-1.5"),
        "BTC-PERP",
    )
    (bot,) = reading.bots()
    assert (bot.number, bot.bot, bot.kind, bot.phase, bot.origin) == (1, "b", "hedge", "running", "file")
    assert (bot.config, bot.added_ns, bot.removed_ns) == ({"a": 1}, 2 * SECOND, 0)
    note = reading.notes()[0]
    assert (note.level, note.bot, note.account, note.text) == ("alarm", "b", ACCOUNT, "look here")
    assert [type(line).__name__ for line in islice(reading.story("b"), 1)] == ["StoryRow"]
    reading.close()
