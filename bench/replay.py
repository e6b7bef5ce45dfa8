"""How many records a second become state again: folded only, from bytes, and from the journal's own file."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable
from decimal import localcontext
from pathlib import Path

from bench.history import entries
from bench.kit import Budget, Part, Size, Table, folder, per_s
from kedge.engine.apply import fold
from kedge.engine.state import Desk
from kedge.journal import migrate
from kedge.journal.sqlite import SqliteJournal, _encoder
from kedge.journal.store import Store, file_of
from kedge.model.numbers import MONEY
from kedge.model.records import Entry
from kedge.runtime.env import SteadyClock

NAME, TITLE = "replay", "Replay of a journal"
LEAST = 200_000
PER_FLUSH = 4
END_NS = 1_760_432_400 * 10**9


def measure(size: Size) -> Part:
    count, rounds = size.of(200_000, 600), size.of(7, 2)
    past = list(entries(count, size.of(1000, 10), size.of(10_000, 20), END_NS))
    bodies = [_encoder.encode(past[i : i + PER_FLUSH]) for i in range(0, count, PER_FLUSH)]
    with folder() as home:
        _write(home, past, bodies)
        works: dict[str, Callable[[], None]] = {
            "apply": lambda: _fold(past),
            "decode": lambda: _decode(bodies),
            "both": lambda: _decode_and_fold(bodies),
            "journal": lambda: _from_file(home),
        }
        rates: dict[str, list[float]] = {name: [] for name in works}
        gc.collect()
        gc.freeze()  # the made-up past is no part of what a start would have in memory
        for _ in range(rounds):
            for name, work in works.items():
                began = time.process_time()
                work()
                rates[name].append(count / (time.process_time() - began))
        gc.unfreeze()
    part = Part(TITLE)
    for name, says in (("apply", "records folded"), ("both", "records decoded and folded")):
        rate = statistics.median(rates[name])
        part.budgets.append(Budget(f"{says}, a second", rate, LEAST, at_most=False))
    rows = [
        (says, per_s(statistics.median(rates[name])), f"{per_s(min(rates[name]))}–{per_s(max(rates[name]))}")
        for name, says in _ROWS
    ]
    part.tables = [Table(("records/s", "median", "worst–best round"), rows)]
    part.says = [f"{count:,} records, {PER_FLUSH} to a row, {rounds} rounds in turns, by processor time."]
    return part


_ROWS = (
    ("apply", "fold (`apply` alone)"),
    ("decode", "decode rows"),
    ("both", "decode rows and fold"),
    ("journal", "from the file: read, check the chain, decode, fold"),
)


def _fold(past: list[Entry]) -> None:
    desk = Desk()
    with localcontext(MONEY):  # as a start does
        for entry in past:
            fold(desk, entry.record, entry.ts_ns)


def _decode(bodies: list[bytes]) -> None:
    for body in bodies:
        migrate.decode_current(body)


def _decode_and_fold(bodies: list[bytes]) -> None:
    desk = Desk()
    with localcontext(MONEY):
        for body in bodies:
            for entry in migrate.decode_current(body):
                fold(desk, entry.record, entry.ts_ns)


def _write(home: Path, past: list[Entry], bodies: list[bytes]) -> None:
    """The journal's own rows, without a sync for each."""
    store = Store.open_to_drive(file_of(home, "bench"), "bench", "bench", END_NS)
    with store.db:
        for at, body in enumerate(bodies):
            first = at * PER_FLUSH + 1
            last = min(first + PER_FLUSH - 1, len(past))
            store.append(first, last, past[last - 1].ts_ns, body)
    store.close()


def _from_file(home: Path) -> None:
    journal = SqliteJournal.open(home, "bench", "bench", SteadyClock())
    try:
        desk = Desk()
        with localcontext(MONEY):
            for entry in journal.tail(0):
                fold(desk, entry.record, entry.ts_ns)
    finally:
        journal.abandon()
