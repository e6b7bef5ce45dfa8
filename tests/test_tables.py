"""The tables in three databases: equal to the engine's own, however told, and asked the same everywhere."""

from __future__ import annotations

import random
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Raw
from servers import NAMES, fresh
from test_golden import GOLDEN
from test_reading import ACCOUNT, INSTRUMENTS, SECOND, Cut, History, one_of_each

from kedge.desk.tables.address import Address
from kedge.desk.tables.database import Database, DatabaseTrouble
from kedge.desk.tables.projection import Moved, Projection
from kedge.desk.tables.tables import COUNTED_MAX, OFFSET_MAX, Tables
from kedge.journal.dialect import name_of
from kedge.journal.reading import Reading
from kedge.journal.row_store import RowCache
from kedge.journal.rows import TABLES, Ask
from kedge.journal.telling import Teller
from kedge.model import ids
from kedge.model import records as r
from kedge.model.order import Move
from kedge.model.records import Entry
from kedge.model.venue import Fill


@pytest.fixture(params=NAMES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Address]:
    with fresh(request.param, tmp_path) as found:
        yield found


@pytest.fixture
def database(address: Address) -> Iterator[Database]:
    opened = Database(address)
    yield opened
    opened.close()


def engines(folder: Path, entries: list[Entry]) -> str:
    """The digest of the engine's own tables."""
    reading = Reading.open(folder, "main")
    reading.apply(entries)
    try:
        return reading.digest()
    finally:
        reading.close()


def made(database: Database, entries: list[Entry], cell: str = "main") -> Projection:
    projection = Projection(database, cell)
    projection.open()
    projection.apply(entries)
    return projection


# ── equal ───────────────────────────────────────────────────────────────────────────────────────


def odd_numbers() -> list[Entry]:
    """Averages of inverse contracts, and numbers that no database's own type holds."""
    inverse, market = INSTRUMENTS[1], f"{ACCOUNT}:BTC-INV"
    records: list[r.Record] = [r.InstrumentKnown(ACCOUNT, one) for one in INSTRUMENTS]
    records.append(r.BotAdded("b", 1, "hedge", Raw(b"{}"), Raw(b"{}")))
    for number, price in enumerate(
        ("59999.5", "60001", "60003.5", "0.000000000000000001", "999999999999999")
    ):
        own = ids.mint(7, 1, 1, number + 1)
        qty = Decimal(number * 3 + 1)
        records.append(r.Intent(own, "b", "s", market, "buy", qty, Decimal(price), 9))
        fill = Fill(
            f"i{number}", own, "v", inverse.symbol, "buy", qty, Decimal(price), Decimal("1e-17"), "BTC", 7
        )
        records.append(r.Filled(ACCOUNT, fill, "b", "s"))
    wide = Decimal("123456789012345.123456789012345678")
    fill = Fill("wide", "", "v", "BTC-PERP", "sell", wide, wide, Decimal("0.1") + Decimal("0.2"), "USDT", 8)
    records.append(r.Filled(ACCOUNT, fill))
    return [Entry(n, n * SECOND, x) for n, x in enumerate(records, 1)]


@pytest.mark.parametrize("seed", [*range(4), -1])
def test_digests_are_equal_in_every_database(database: Database, tmp_path: Path, seed: int) -> None:
    entries = odd_numbers() if seed < 0 else History(seed).run(250)
    projection = made(database, entries)
    assert projection.digest() == engines(tmp_path, entries)


@pytest.mark.parametrize("seed", range(3))
def test_any_batching_rebuilding_and_interruption_give_the_same(
    database: Database, tmp_path: Path, seed: int
) -> None:
    entries = History(seed).run(150)
    chance = random.Random(seed)
    projection = made(database, [])
    at = 0
    while at < len(entries):
        size = chance.choice([1, 3, 20, 90])
        projection.apply(entries[max(0, at - 4) : at + size])
        at += size
        if chance.random() < 0.3 and at < len(entries):
            cut(projection, entries[at : at + 9])
            projection = made(database, [])  # as after a kill
            assert projection.seq == at
    digest = projection.digest()
    assert digest == engines(tmp_path, entries)
    projection.make_indexes()
    projection.clear()
    assert projection.digest() != digest
    projection.apply(entries)
    assert projection.digest() == digest


def cut(projection: Projection, entries: list[Entry]) -> None:
    """Die in the middle of a transaction, when some rows are written already."""
    flush = RowCache.flush

    def dying(self: RowCache) -> tuple[str, ...]:
        flush(self)
        raise Cut

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RowCache, "flush", dying)
        with pytest.raises(Cut):
            projection.apply(entries)


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_released_journals_give_equal_digests(database: Database, tmp_path: Path, path: Path) -> None:
    entries = [msgspec.json.decode(line, type=Entry) for line in path.read_bytes().splitlines()]
    assert made(database, entries).digest() == engines(tmp_path, entries)


def test_every_kind_of_record_that_tells_something_is_in_the_history() -> None:
    from kedge.journal.telling import _TELL

    seen = {type(entry.record) for seed in range(8) for entry in History(seed).run(300)}
    assert set(_TELL) - seen == {r.Told}


def test_small_memory_gives_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    entries = History(5).run(300)
    whole = engines(tmp_path, entries)
    monkeypatch.setattr("kedge.journal.row_store.KEPT_MAX", 2)
    with fresh("sqlite", tmp_path) as address:
        database = Database(address)
        projection = made(database, [])
        for at in range(0, len(entries), 7):
            projection.apply(entries[at : at + 7])
        assert projection.digest() == whole
        database.close()


def test_two_cells_share_a_database(database: Database, tmp_path: Path) -> None:
    mine, theirs = History(1).run(100), History(2).run(100)
    a, b = made(database, mine, "a"), made(database, theirs, "b")
    digest = b.digest()
    a.clear()
    assert b.digest() == digest
    a.apply(mine)
    tables = Tables(database, "a")
    assert tables.find("fills", Ask(limit=1)).total == sum(
        count for (count,) in database.fetch("SELECT count(*) FROM fills WHERE cell = ?", ("a",))
    )
    assert b.digest() == digest


def test_two_followers_never_tell_twice(database: Database, tmp_path: Path) -> None:
    entries = History(1).run(60)
    one, two = made(database, entries[:20]), made(database, [])
    one.apply(entries[20:40])
    with pytest.raises(Moved):
        two.apply(entries[20:30])
    two.open()
    two.apply(entries)
    assert two.digest() == engines(tmp_path, entries)


def test_tables_of_another_version_are_made_anew(database: Database, tmp_path: Path) -> None:
    entries = History(1).run(60)
    made(database, entries)
    database.execute("UPDATE applied SET version = 1")
    again = made(database, [])
    assert again.seq == 0
    again.apply(entries)
    assert again.digest() == engines(tmp_path, entries)


def test_a_making_that_was_cut_off_is_begun_again(database: Database, tmp_path: Path) -> None:
    made(database, [])
    database.execute("DROP TABLE applied")
    assert made(database, History(1).run(20)).seq > 0


def test_days_add_up_to_what_positions_realised(database: Database) -> None:
    made(database, History(6).run(400))
    tables = Tables(database, "main")
    sums: dict[str, Decimal] = {}
    for position in tables.each("positions"):
        sums[position.settle] = sums.get(position.settle, Decimal(0)) + position.realised
    for day in tables.each("days"):
        sums[day.settle] = sums.get(day.settle, Decimal(0)) - day.realised
        assert day.profit == day.realised - day.fees + day.funding
        assert day.ts_ns % (86_400 * SECOND) == 0
    assert not any(sums.values())
    assert sum(day.fills for day in tables.each("days")) == tables.find("fills").total


# ── text that people and venues write ───────────────────────────────────────────────────────────

NASTY = (
    "'; DROP TABLE orders; --",
    '" OR 1=1 --',
    "100% {sure} ? :bot %s $1 \\",
    "<script>alert(1)</script>",
    "zero\0byte, \u202e and \U0001f600",
    "вода ё  ",
)


@pytest.mark.parametrize("text", NASTY)
def test_injection_in_every_text_is_inert(database: Database, tmp_path: Path, text: str) -> None:
    market = f"{ACCOUNT}:BTC-PERP"
    entries = [Entry(n, n * SECOND, x) for n, x in enumerate(one_of_each(ids.mint(7, 1, 1, 1), market), 1)]
    records: list[r.Record] = [
        r.Noted("warn", text, "b", text),
        r.OrderMoved(ids.mint(7, 1, 1, 1), Move.SEEN, Decimal(0), text, reason=text),
        r.CommandTaken(text, text, text, text, Raw(b'{"a":"b"}'), True, text),
        r.Refused("b", text, market, "buy", Decimal(1), Decimal(1), text),
        r.BotPhased("b", "paused", text),
        r.ScheduleSet(text, text, Raw(b"{}"), text, 5, text, comment=text),
    ]
    entries += [Entry(n, n * SECOND, x) for n, x in enumerate(records, len(entries) + 1)]
    projection = made(database, entries)
    assert projection.digest() == engines(tmp_path, entries)
    tables = Tables(database, "main")
    shown = text.replace("\0", "\ufffd")
    assert tables.find("notes", Ask(text=text, level="warn")).rows[0].text == shown
    assert tables.find("notes", Ask(account=text)).total == 1
    assert tables.find("orders", Ask(bot=text)).total == 0
    assert tables.find("commands", Ask(text=text)).rows[0].says == shown
    assert tables.one("schedules", shown).comment == shown
    assert tables.story(text) == ()
    for ask in (Ask(sort=text), Ask(state=text), Ask(level=text)):
        with pytest.raises(ValueError, match="orders cannot"):
            tables.find("orders", ask)
    with pytest.raises(ValueError, match="nothing called"):
        tables.find(text)
    with pytest.raises(ValueError, match="another question"):
        tables.find("orders", after=text)
    assert tables.find("orders").total == 1


def test_names_that_are_too_long_are_cut_and_told_apart(database: Database, tmp_path: Path) -> None:
    """A venue may call a thing what it likes; no name stops the telling, and no two become one."""
    market, own = f"{ACCOUNT}:BTC-PERP", ids.mint(7, 1, 1, 1)
    entries = [Entry(n, n * SECOND, x) for n, x in enumerate(one_of_each(own, market), 1)]
    long = ["x" * 300 + end for end in ("a", "b", "\U0001f600", "\0")]

    def fill(exec_id: str, price: int) -> r.Filled:
        told = Fill(
            exec_id, own, "v" * 400, "BTC-PERP", "buy", Decimal(1), Decimal(price), Decimal(0), "U", 1
        )
        return r.Filled(ACCOUNT, told, "", "s" * 200)

    records: list[r.Record] = [fill(one, 7) for one in long]
    records += [fill(one, 8) for one in long]  # the same executions again: booked once
    records += [
        r.BotPhased("b" * 500, "paused", "w" * 5000),
        r.ScheduleSet("n" * 250, "v", Raw(b"{}"), "e" * 300, 5, "UTC", comment="c" * 900),
        r.ScheduleSet("n" * 250, "v", Raw(b"{}"), "e" * 300, 6, "UTC"),
        r.ScheduleSet("n" * 251, "v", Raw(b"{}"), "e" * 300, 7, "UTC"),
        r.ScheduleRemoved("n" * 250),
    ]
    entries += [Entry(n, n * SECOND, x) for n, x in enumerate(records, len(entries) + 1)]
    at_once = made(database, entries).digest()
    assert at_once == engines(tmp_path, entries)
    projection = made(database, [])
    projection.clear()
    for entry in entries:
        projection.apply([entry])
        projection._forget()  # as after a restart: nothing is remembered but the rows
    assert projection.digest() == at_once
    tables = Tables(database, "main")
    fills = [one for one in tables.find("fills").rows if one.exec_id.startswith("xxx")]
    assert len({one.exec_id for one in fills}) == len(long)
    assert {one.price for one in fills} == {Decimal(7)}
    assert all(len(one.exec_id) <= 190 and len(one.venue_id) <= 190 for one in fills)
    assert tables.one("fills", ACCOUNT, name_of(long[0])).exec_id == name_of(long[0])
    assert [one.next_ns for one in tables.find("schedules").rows if one.name.startswith("nn")] == [7]


# ── asking ──────────────────────────────────────────────────────────────────────────────────────


def test_it_answers_as_the_engine_does(database: Database, tmp_path: Path) -> None:
    entries = History(3).run(300)
    made(database, entries).make_indexes()
    tables = Tables(database, "main")
    reading = Reading.open(tmp_path, "main")
    reading.apply(entries)
    orders = reading.orders(Ask(limit=1000))
    asks = [Ask(limit=1000), Ask(limit=9, offset=4), Ask(bot=orders[0].bot), Ask(market=orders[0].market)]
    asks += [Ask(account=ACCOUNT), Ask(account="paper/mai"), Ask(text="HEDGE"), Ask(text="slot-1", limit=7)]
    asks += [Ask(state="open"), Ask(client_id=orders[3].client_id), Ask(bot="")]
    middle = orders[len(orders) // 2].placed_ns
    asks += [Ask(since_ns=middle, limit=1000), Ask(until_ns=middle, limit=1000)]
    for what, table in TABLES.items():
        for ask in asks:
            try:
                expected = reading.find(what, ask)
            except ValueError as wrong:
                with pytest.raises(ValueError, match=str(wrong)[:20]):
                    tables.find(what, ask)
                continue
            assert tables.find(what, ask).rows == expected, (what, ask)
        for sort in table.sorts:
            ask = Ask(sort=sort, limit=1000)
            assert tables.find(what, ask).rows == reading.find(what, ask), (what, sort)
    assert tables.story(orders[0].bot) == reading.story(orders[0].bot)
    assert tables.story(orders[0].client_id) == reading.story(orders[0].client_id)
    reading.close()


def test_pages_go_on_without_a_gap(database: Database) -> None:
    made(database, History(3).run(200)).make_indexes()
    tables = Tables(database, "main")
    for what, table in TABLES.items():
        for sort in (way + name for name in table.sorts for way in ("", "-")):
            whole = tables.find(what, Ask(sort=sort, limit=1000)).rows
            found, after = [], ""
            while True:
                page = tables.find(what, Ask(sort=sort, limit=9), after=after)
                assert page.total == len(whole)
                found += page.rows
                after = page.next
                if not after:
                    break
            assert tuple(found) == whole, (what, sort)
            assert tuple(tables.each(what, Ask(sort=sort, limit=2))) == whole


def test_a_long_list_is_asked_otherwise_and_answers_the_same(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Few rows and many are asked for in other ways: by other indexes, in parts, within a window."""
    made(database, History(4).run(300)).make_indexes()
    tables = Tables(database, "main")
    middle = tables.find("fills", Ask(sort="time", limit=1000)).rows[20].ts_ns
    bot = next(row.bot for row in tables.find("orders").rows if row.bot)
    market = tables.find("fills").rows[0].market
    filters: list[dict[str, Any]] = [{}, {"bot": bot}, {"market": market}, {"bot": bot, "market": market}]
    filters += [{"account": ACCOUNT}, {"since_ns": middle}, {"since_ns": middle, "bot": bot}]

    def answers() -> list[Any]:
        found: list[Any] = []
        for what in ("orders", "fills", "decisions", "notes"):
            for sort in (way + name for name in TABLES[what].sorts for way in ("", "-")):
                for chosen in filters:
                    if any(name in ("bot", "market") and name not in TABLES[what].filters for name in chosen):
                        continue
                    ask = Ask(sort=sort, limit=7, **chosen)
                    first = tables.find(what, ask)
                    more = tables.find(what, ask, after=first.next).rows if first.next else ()
                    found.append((what, ask, first.rows, more, tuple(tables.each(what, ask))))
        return found

    few = answers()
    monkeypatch.setattr("kedge.desk.tables.tables.COUNTED_MAX", 0)
    assert answers() == few


def test_a_text_is_looked_for_among_the_newest(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    made(database, History(3).run(200)).make_indexes()
    tables = Tables(database, "main")
    whole = tables.find("fills", Ask(limit=1000)).rows
    monkeypatch.setattr("kedge.desk.tables.tables.SEARCHED_MAX", 5)
    for sort in ("-time", "time", "price"):
        page = tables.find("fills", Ask(text="x", sort=sort, limit=3))
        assert (page.total, page.searched_all) == (5, False)
        assert set(page.rows) <= set(whole[:5])
        rest = tables.find("fills", Ask(text="x", sort=sort, limit=3), after=page.next)
        assert set(rest.rows) | set(page.rows) == set(whole[:5])
    assert tables.count("fills", Ask(text="x")) == (5, True)
    assert tables.find("fills", Ask(text="no such text")).total == 0
    monkeypatch.setattr("kedge.desk.tables.tables.SEARCHED_MAX", len(whole))
    assert tables.find("fills", Ask(text="x", limit=1000)).searched_all


def test_a_row_by_its_key(database: Database) -> None:
    made(database, History(3).run(100))
    tables = Tables(database, "main")
    fill = tables.find("fills").rows[0]
    assert tables.one("fills", fill.account, fill.exec_id) == fill
    assert tables.one("orders", "nobody") is None


def test_counts_and_pages_say_how_far_they_went(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    made(database, History(3).run(100))
    tables = Tables(database, "main")
    assert tables.count("fills") == (tables.find("fills").total, True)
    with pytest.raises(ValueError, match=f"row {OFFSET_MAX:,}"):
        tables.find("fills", Ask(offset=OFFSET_MAX + 1))
    newest = tables.find("fills", Ask(limit=1)).rows[0]
    oldest = tables.find("fills", Ask(limit=1, sort="time")).rows[0]
    monkeypatch.setattr("kedge.desk.tables.tables.COUNTED_MAX", 5)
    monkeypatch.setattr("kedge.desk.tables.tables.SEARCHED_MAX", 3)
    page = tables.find("fills", Ask(limit=2))
    assert (page.total, page.total_is_exact) == (5, False)
    page = tables.find("fills", Ask(text="x", limit=2))
    assert not page.searched_all
    assert page.rows[0] == newest
    assert tables.find("fills", Ask(text=oldest.exec_id)).rows == (oldest,), "an id is found however old"
    assert COUNTED_MAX == 10_000


def test_a_mark_of_another_question_is_refused(database: Database) -> None:
    made(database, History(3).run(100))
    tables = Tables(database, "main")
    mark = tables.find("fills", Ask(limit=1, sort="qty")).next
    for what, ask in (("fills", Ask(sort="price")), ("fills", Ask(sort="-qty")), ("orders", Ask(sort="bot"))):
        with pytest.raises(ValueError, match="another question"):
            tables.find(what, ask, after=mark)


def test_before_the_tables_are_made_it_is_said(database: Database) -> None:
    with pytest.raises(DatabaseTrouble, match="not made yet"):
        Tables(database, "main").find("orders")


def test_numbers_can_be_computed_with_in_sql(database: Database) -> None:
    made(database, History(3).run(200))
    fills = list(Tables(database, "main").each("fills"))
    ((count, total, most),) = database.fetch(
        "SELECT count(*), sum(fee), max(price) FROM fills WHERE qty > ? AND fee < ?", (9, 100)
    )
    chosen = [fill for fill in fills if fill.qty > 9]
    assert count == len(chosen)
    assert round(Decimal(str(total)), 6) == sum(fill.fee for fill in chosen)
    assert Decimal(str(most)) == max(fill.price for fill in chosen)


def test_the_fold_needs_no_database() -> None:
    """Dicts are enough."""

    class Memory:
        def __init__(self) -> None:
            self.rows: dict[str, dict[tuple[object, ...], dict[str, object]]] = {name: {} for name in TABLES}

        def get(self, table: str, *key: object) -> dict[str, object] | None:
            return self.rows[table].get(key)

        def put(self, table: str, row: dict[str, object]) -> None:
            self.rows[table][tuple(row[key] for key in TABLES[table].keys)] = row

        add = put

        def drop(self, table: str, *key: object) -> None:
            self.rows[table].pop(key, None)

        def find(self, table: str, column: str, value: object) -> list[dict[str, object]]:
            return [row for row in self.rows[table].values() if row[column] == value]

        def fetch(self, table: str, keys: object) -> None: ...

    memory = Memory()
    Teller(memory).tell_all(History(1).run(200))
    assert all(memory.rows[name] for name in TABLES)
    for name, table in TABLES.items():
        for row in memory.rows[name].values():
            assert set(row) == set(table.kinds()), name
