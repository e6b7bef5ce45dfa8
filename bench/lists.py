"""How long a list takes at the server with 100,000 orders and 500,000 fills: every list, sort and filter.

SQLite always; PostgreSQL and MariaDB where they are installed. Also how many records a second are told.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from decimal import Decimal
from pathlib import Path
from typing import Any

from bench.kit import ROOT, Budget, Part, Size, Table, folder, per_s
from bench.quiet import ACCOUNT, TICK, instrument, market
from kedge.desk.tables.address import Address, file_address
from kedge.desk.tables.database import Database
from kedge.desk.tables.projection import Projection
from kedge.desk.tables.tables import OFFSET_MAX, Tables
from kedge.journal.rows import TABLES, Ask
from kedge.model import records as r
from kedge.model.ids import mint
from kedge.model.order import Move
from kedge.model.records import Entry
from kedge.model.venue import Fill

NAME, TITLE = "lists", "Lists of the desk"
MOST_MS = 100.0
LEAST_PER_S = 20_000
FILLS_EACH = 5
BATCH = 5000
BEGIN_NS = 1_760_432_400 * 10**9
STEP_NS = 1_700_000_000
ROUNDS = 3


def measure(size: Size) -> Part:
    orders = size.of(100_000, 60)
    part = Part(TITLE)
    part.says = [
        f"{orders:,} orders, {orders * FILLS_EACH:,} fills, pages of 50. A list is a page with its total, as"
        " the pages and REST ask for it; p95 over all sorts, filters, texts and depths, by the clock."
    ]
    rows = []
    with ExitStack() as stack:
        home = stack.enter_context(folder())
        for name, address in _databases(stack, home, size).items():
            rate, took = _one(address, orders, size.of(ROUNDS, 1))
            worst = max(took, key=lambda what: _p95(took[what]))
            for what, times in took.items():
                rows.append((name, what, _ms(_p50(times)), _ms(_p95(times)), _ms(max(times))))
            part.budgets.append(
                Budget(f"{name}: a list, p95 of the slowest ({worst})", _p95(took[worst]), MOST_MS, "ms")
            )
            if name == "SQLite":
                part.budgets.append(
                    Budget("SQLite: records told, a second", rate, LEAST_PER_S, at_most=False)
                )
            part.says.append(f"{name}: {per_s(rate)} records a second told from nothing, indexes included.")
    part.tables = [Table(("database", "list", "p50", "p95", "worst"), rows)]
    return part


def _databases(stack: ExitStack, home: Path, size: Size) -> dict[str, Address]:
    found = {"SQLite": file_address(home / "rows.sqlite", truth=False)}
    if size.tiny:
        return found
    sys.path.insert(0, str(ROOT / "tests"))
    import pytest
    import servers

    for name, kind in (("PostgreSQL", "postgresql"), ("MariaDB", "mysql")):
        try:
            found[name] = stack.enter_context(servers.started(kind)).make()
        except pytest.skip.Exception as missing:
            print(missing, flush=True)
    return found


def _one(address: Address, orders: int, rounds: int) -> tuple[float, dict[str, list[float]]]:
    database = Database(address)
    try:
        projection = Projection(database, "main")
        projection.open()
        count, spent = 0, 0.0
        batch: list[Entry] = []
        for entry in entries(orders):
            batch.append(entry)
            if len(batch) == BATCH:
                count, spent = count + len(batch), spent + _timed(projection.apply, batch)
                batch = []
        count, spent = count + len(batch), spent + _timed(projection.apply, batch)
        spent += _timed(projection.make_indexes)
        return count / spent, _lists(Tables(database, "main"), rounds)
    finally:
        database.close()


def _timed(work: Any, *args: Any) -> float:
    began = time.perf_counter()
    work(*args)
    return time.perf_counter() - began


def _lists(tables: Tables, rounds: int) -> dict[str, list[float]]:
    took: dict[str, list[float]] = {}
    for _ in range(rounds):
        for what in ("orders", "fills", "decisions", "story", "position_minutes", "positions", "days"):
            for ask, after in _asks(tables, what):
                began = time.perf_counter()
                tables.find(what, ask, after=after)
                took.setdefault(what, []).append((time.perf_counter() - began) * 1000)
    return took


def _asks(tables: Tables, what: str) -> Iterator[tuple[Ask, str]]:
    """Every sort both ways, each with each filter; the last page by number; pages far down; texts."""
    table = TABLES[what]
    values = {"bot": "peg-3", "account": ACCOUNT, "market": market(3)}
    filters: list[dict[str, Any]] = [{}]
    filters += [{name: values[name]} for name in table.filters if name in values]
    if "bot" in table.filters and "market" in table.filters:
        filters.append({"bot": "peg-3", "market": market(3)})
    if "state" in table.words:
        filters += [{"state": word} for word in table.words["state"]]
    if "kind" in table.values:
        filters += [{"kind": table.values["kind"][0]}, {"kind": table.values["kind"][-1]}]
    filters.append({"since_ns": BEGIN_NS + 3600 * 10**9, "until_ns": BEGIN_NS + 7200 * 10**9})
    for chosen in filters:
        for sort in table.sorts:
            for way in ("", "-"):
                yield Ask(sort=way + sort, limit=50, **chosen), ""
        yield Ask(limit=50, offset=OFFSET_MAX, **chosen), ""
    for text in ("peg-3", "nothing has this", mint(77, 1, 1, 7)):
        yield Ask(text=text, limit=50), ""
    far = _far(tables, what)
    if far:
        for sort in table.sorts:
            deep = Ask(sort=sort, limit=50)
            page = tables.find(what, deep)
            yield deep, page.next


def _far(tables: Tables, what: str) -> bool:
    return bool(tables.find(what, Ask(limit=50)).next)


def entries(orders: int) -> Iterator[Entry]:
    """Orders of twenty bots, each filled in five parts; some are still open."""
    for seq, (ts_ns, record) in enumerate(_records(orders), 1):
        yield Entry(seq, ts_ns, record)


def _records(orders: int) -> Iterator[tuple[int, r.Record]]:
    chance, now_ns, bots = random.Random(7), BEGIN_NS, 20
    yield now_ns, r.DeskMade(desk=77, cell="main")
    yield now_ns, r.LifeBegan(life=1, version="bench")
    for i in range(bots):
        yield now_ns, r.InstrumentKnown(account=ACCOUNT, instrument=instrument(i))
        yield now_ns, r.BotAdded(f"peg-{i}", i + 1, "peg", r.Raw(b"{}"), r.Raw(b"{}"))
    for number in range(orders):
        # One bot does half of everything: a filter that leaves much is the hard one.
        bot = 3 if number % 2 else chance.randrange(bots)
        now_ns += STEP_NS
        for record in _life(number, bot, chance, now_ns, number > orders - 50):
            yield now_ns, record


def _life(number: int, bot: int, chance: random.Random, now_ns: int, open_: bool) -> Iterator[r.Record]:
    own, side = mint(77, bot + 1, 1, number + 1), "buy" if chance.random() < 0.5 else "sell"
    qty, price = Decimal(chance.randrange(1, 500)) / 100, Decimal(60_000) + TICK * chance.randrange(50_000)
    yield r.Intent(
        client_id=own,
        bot=f"peg-{bot}",
        slot="main",
        market=market(bot),
        side=side,  # type: ignore[arg-type]
        qty=qty * FILLS_EACH,
        price=price,
        valid_until_ns=now_ns,
        why="joins the best bid",
    )
    yield r.OrderMoved(own, Move.SEEN, Decimal(0), f"v{number}")
    for part in range(FILLS_EACH - (1 if open_ else 0)):
        fill = Fill(
            exec_id=f"x{number}-{part}",
            client_id=own,
            venue_id=f"v{number}",
            symbol=market(bot).partition(":")[2],
            side=side,  # type: ignore[arg-type]
            qty=qty,
            price=price + TICK * chance.randrange(5),
            fee=Decimal(chance.randrange(1, 999_999)) / 10**6,
            fee_asset="USD",
            venue_ns=now_ns,
        )
        yield r.Filled(ACCOUNT, fill, f"peg-{bot}", "main")


def _p50(times: list[float]) -> float:
    return sorted(times)[len(times) // 2]


def _p95(times: list[float]) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * 95 // 100)]


def _ms(value: float) -> str:
    return f"{value:.1f} ms"
