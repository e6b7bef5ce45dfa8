"""Laws of the journal under random histories: what was acknowledged is there, once, in order, for ever."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec import Raw
from msgspec.json import encode

from kedge.journal import archive, migrate
from kedge.journal.archive import Bounds
from kedge.journal.sqlite import ReadOnlyJournal, SqliteJournal
from kedge.journal.store import Link, chained
from kedge.model import records as r
from kedge.model.records import Entry

words = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
raws = st.builds(
    lambda value: Raw(value), st.sampled_from([b"{}", b'{"a": [1, 2.50, "x"]}', b"null", b'"\\ud83d\\ude00"'])
)
some_records = st.one_of(
    st.builds(r.Noted, st.sampled_from(["info", "warn", "alarm"]), words, words, words),
    st.builds(r.BotStated, words, raws, st.integers(1, 9)),
    st.builds(r.Heard, words, st.integers(0, 2**53)),
    st.builds(
        r.Refused,
        words,
        words,
        words,
        st.sampled_from(["buy", "sell"]),
        st.decimals(allow_nan=False, allow_infinity=False),
        st.decimals(allow_nan=False, allow_infinity=False),
        words,
    ),
)


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), some_records), min_size=1, max_size=20))
def test_any_record_comes_back_as_it_went_in(history: list[tuple[int, r.Record]]) -> None:
    entries = [Entry(seq, ts_ns, record) for seq, (ts_ns, record) in enumerate(history, 1)]
    body = encode(entries)
    assert migrate.decode_current(body) == entries
    assert migrate.decode_older(body, migrate.kinds()) == entries


rows = st.tuples(
    st.integers(1, 2**60),
    st.integers(0, 2**20),
    st.integers(-(2**62), 2**62),
    st.integers(1, 99),
    st.binary(),
)


@given(st.integers(0, 2**32 - 1), rows, rows)
def test_the_chain_tells_rows_apart(crc: int, one: tuple[int, ...], other: tuple[int, ...]) -> None:
    """Equal only for equal rows after equal pasts (Hypothesis finds no collision where fields move)."""

    def value(row: tuple[int, ...], before: int) -> int:
        first, length, ts_ns, vocabulary, body = row
        return chained(Link(0, before), first, first + length, ts_ns, vocabulary, body)  # type: ignore[arg-type]

    assert value(one, crc) == value(one, crc)
    assert (value(one, crc) == value(other, crc)) == (one == other)
    assert value(one, crc) != value(one, crc ^ 1)


class Histories(RuleBasedStateMachine):
    """Append, snapshot, compact, crash, close and read in any order, beside a plain list."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.home = Path(self.folder.name)
        self.loop = asyncio.new_event_loop()
        self.model: list[Entry] = []
        self.kept: list[int] = []
        self.lives: list[int] = []
        self.open()

    def open(self) -> None:
        self.journal = SqliteJournal.open(self.home, "main", "0.1", lambda: 0)
        self.journal.bounds = Bounds(least_entries=1, archive_bytes=400)
        self.lives.append(self.journal.life)

    @rule(texts=st.lists(st.integers(1, 4), min_size=1, max_size=6))
    def append(self, texts: list[int]) -> None:
        """Several appends at once, each of one to four entries."""

        async def go() -> None:
            waiting = []
            for count in texts:
                first = len(self.model) + 1
                new = [Entry(n, n, r.Noted("info", f"note {n}")) for n in range(first, first + count)]
                self.model += new
                waiting.append(self.journal.append(new))
            await asyncio.gather(*waiting)

        self.loop.run_until_complete(go())

    @rule(back=st.integers(0, 5))
    def snapshot(self, back: int) -> None:
        seq = len(self.model) - back
        if seq <= 0:
            return
        self.loop.run_until_complete(self.journal.snapshot(seq, b"state at %d" % seq))
        if seq > max(self.kept, default=0):
            self.kept.append(seq)

    @rule()
    def compact(self) -> None:
        self.loop.run_until_complete(self.journal.compact())

    @rule(clean=st.booleans())
    def restart(self, clean: bool) -> None:
        if clean:
            self.loop.run_until_complete(self.journal.close())
            with ReadOnlyJournal.open(self.home, "main") as stopped:
                assert list(stopped.tail(0)) == self.model
        else:
            self.journal.abandon()
        self.open()
        assert self.lives == sorted(set(self.lives)), "a life was lived twice"

    @rule(after=st.integers(0, 40), limit=st.integers(0, 10))
    def read(self, after: int, limit: int) -> None:
        expected = self.model[after:]
        assert list(self.journal.tail(after, limit)) == (expected[:limit] if limit else expected)

    @invariant()
    def past_is_the_newest(self) -> None:
        past = self.journal.past()
        assert past.last_seq == len(self.model)
        assert past.snapshot_seq == max(self.kept, default=0)
        assert past.snapshot == (b"state at %d" % past.snapshot_seq if self.kept else None)

    def teardown(self) -> None:
        if hasattr(self, "journal"):
            assert list(self.journal.tail(0)) == self.model
            assert archive.archives_of(self.home, "main") is not None
            self.journal.abandon()
            self.loop.close()
            self.folder.cleanup()


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=30, stateful_step_count=15, deadline=None)
