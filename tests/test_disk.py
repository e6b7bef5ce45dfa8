"""The lying disk: what it keeps, what it loses, and whom it lets write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from decimal import Decimal
from typing import Any

import pytest
from msgspec import Raw

from kedge.journal.journal import Corrupt, Fenced, Journal, JournalError, LeaseHeld, Past
from kedge.model.records import (
    BalancesSeen,
    BotStated,
    CashMoved,
    CommandTaken,
    Entry,
    KillSwitch,
    LifeBegan,
    Noted,
    Record,
)
from kedge.model.venue import Balance, Cash
from kedge.sim.disk import DiskError, DiskFenced, DiskWeather, JournalTypes, SimDisk, SimJournal
from kedge.sim.loop import PowerCut, StormLoop
from kedge.sim.process import Process
from kedge.sim.tape import Marks, Tape

SECOND_NS = 1_000_000_000
TYPES = JournalTypes(failed=JournalError, fenced=Fenced, held=LeaseHeld, corrupt=Corrupt, past=Past)


def note(seq: int, text: str = "") -> Entry:
    return Entry(seq, 1000 + seq, Noted("info", text or f"note {seq}"))


def notes(first: int, count: int) -> list[Entry]:
    return [note(seq) for seq in range(first, first + count)]


def in_world(main: Callable[[StormLoop], Coroutine[Any, Any, Any]], tape: Tape | None = None) -> Any:
    with StormLoop(tape) as loop:
        return loop.run_until_complete(main(loop))


def durable(disk: SimDisk) -> list[int]:
    return [entry.seq for entry in disk.entries()]


# ── the protocol ────────────────────────────────────────────────────────────────────────────────


def test_it_is_a_journal_with_the_journal_rooms_own_classes() -> None:
    async def main(_: StormLoop) -> None:
        disk = SimDisk(types=TYPES)
        journal: Journal = SimJournal(disk)
        assert journal.past() == Past(None, 0, 0)
        await journal.append([note(1)])
        SimJournal(disk)
        with pytest.raises(Fenced):
            await journal.append([note(2)])

    in_world(main)


def test_appends_become_durable_in_order_and_not_before_the_disk_is_done() -> None:
    async def main(loop: StormLoop) -> None:
        disk = SimDisk(weather=DiskWeather(flush_ns=(SECOND_NS, SECOND_NS)))
        journal = SimJournal(disk)
        log: list[str] = []
        for seq in (1, 2, 3):
            written = journal.append([note(seq)])
            written.add_done_callback(lambda _, seq=seq: log.append(f"{seq} at {loop.now_ns}"))  # type: ignore[misc]
        await asyncio.sleep(0.5)
        late = journal.append([note(4)])
        assert (durable(disk), log) == ([], [])
        await late
        assert loop.now_ns == 2 * SECOND_NS
        assert log == [f"{seq} at {SECOND_NS}" for seq in (1, 2, 3)]
        assert disk.writes == 3  # the opening, a group of three, the late one
        assert list(journal.tail(0)) == notes(1, 4)
        assert list(journal.tail(2)) == notes(3, 2)
        assert list(journal.tail(1, limit=2)) == notes(2, 2)

    in_world(main)


def test_records_come_back_from_their_bytes() -> None:
    records: list[Record] = [
        LifeBegan(1, "1.0"),
        CommandTaken("c1", "ann", "web", "stop", Raw(b'{"bot":"peg"}'), True, "stopping"),
        BotStated("peg", Raw(b'{"high":"1.50"}')),
        CashMoved("paper", Cash("f1", "funding", "USDT", Decimal("-0.10"), 5)),
    ]

    async def main(_: StormLoop) -> None:
        disk = SimDisk()
        entries = [Entry(seq, seq, record) for seq, record in enumerate(records, 1)]
        await SimJournal(disk).append(entries)
        read = list(SimJournal(disk).tail(0))
        assert read == entries
        assert read[0].record is not entries[0].record

    in_world(main)


def test_a_record_that_its_bytes_do_not_give_back_is_found() -> None:
    untyped: Any = [Balance("USDT", Decimal(1), Decimal(1))]  # reads as a tuple
    mistyped: Any = 7

    async def main(_: StormLoop) -> None:
        wrongs: list[Record] = [BalancesSeen("paper", untyped), KillSwitch(True, "ann", why=mistyped)]
        for wrong in wrongs:
            disk = SimDisk(types=TYPES)
            await SimJournal(disk).append([Entry(1, 1, wrong)])
            with pytest.raises(Corrupt, match="entry 1"):
                list(SimJournal(disk).tail(0))

    in_world(main)


def test_out_of_order_entries_are_a_fault_of_ours_and_final() -> None:
    async def main(_: StormLoop) -> None:
        for wrong in ([note(2)], [note(1), note(3)], []):
            journal = SimJournal(SimDisk())
            with pytest.raises(DiskError, match="a fault of ours"):
                await journal.append(wrong)
            assert not journal.holds()
            with pytest.raises(DiskError):
                await journal.append([note(1)])

    in_world(main)


def test_closing_writes_what_is_left_and_lets_the_lease_go() -> None:
    async def main(_: StormLoop) -> None:
        disk = SimDisk(weather=DiskWeather(lease="lock"))
        journal = SimJournal(disk)
        written = [journal.append([note(seq)]) for seq in (1, 2)]
        written[1].cancel()
        await asyncio.gather(journal.close(), journal.close())
        assert durable(disk) == [1, 2]
        assert not journal.holds()
        with pytest.raises(DiskError, match="is closed"):
            await journal.append([note(3)])
        with pytest.raises(DiskError, match="is closed"):
            await journal.snapshot(1, b"x")
        assert SimJournal(disk).life == 2

    in_world(main)


def test_it_works_on_an_ordinary_loop() -> None:
    async def main() -> None:
        disk = SimDisk(weather=DiskWeather(flush_ns=(0, 0)))
        journal = SimJournal(disk)
        await journal.append(notes(1, 2))
        unsynced = journal.append([note(3)])
        journal.abandon()
        await asyncio.sleep(0)
        assert not unsynced.done()
        assert [entry.seq for entry in SimJournal(disk).tail(0)] == [1, 2]

    asyncio.run(main())


# ── power cuts ──────────────────────────────────────────────────────────────────────────────────


def cut_world(seed: int, weather: DiskWeather, sizes: Sequence[int], marks: Marks) -> list[int]:
    """Append groups of these sizes after a durable pair, cut the power, and read in the next life."""
    with StormLoop(Tape(seed)) as loop:
        disk = SimDisk(Tape(seed), weather=weather, marks=marks)
        engine = loop.process("engine")

        async def live() -> None:
            journal = SimJournal(disk)
            await journal.append(notes(1, 2))
            first = 3
            for size in sizes:
                journal.append(notes(first, size))
                first += size
            await asyncio.sleep(9)

        loop.spawn(engine, live())
        loop.run_until(lambda: durable(disk) == [1, 2])
        loop.run_for(100)  # the pair is durable, the rest is on its way
        loop.kill(engine)
        kept = durable(disk)

        async def next_life() -> list[Entry]:
            return list(SimJournal(disk).tail(0))

        entries = loop.run_until_complete(next_life())
        assert entries == notes(1, len(entries))
        assert [entry.seq for entry in entries] == kept
        return kept


SLOW = (SECOND_NS, SECOND_NS)


def test_a_cut_keeps_a_prefix_of_whole_appends() -> None:
    marks = Marks()
    weather = DiskWeather(flush_ns=SLOW)
    kept = [len(cut_world(seed, weather, (1, 3, 2), marks)) for seed in range(60)]
    assert sorted(dict.fromkeys(kept)) == [2, 3, 6, 8]
    assert marks.missing(["disk.kept-unsynced", "disk.lost-unsynced", "disk.torn", "disk.torn-dropped"]) == ()


def test_a_ruder_cut_keeps_a_prefix_of_entries() -> None:
    marks = Marks()
    weather = DiskWeather(flush_ns=SLOW, cut="entry")
    kept = [len(cut_world(seed, weather, (1, 3, 2), marks)) for seed in range(200)]
    assert sorted(dict.fromkeys(kept)) == [2, 3, 4, 5, 6, 7, 8]
    assert marks.missing(["disk.torn", "disk.torn-dropped"]) == ()


@pytest.mark.parametrize("real_bytes", [True, False])
def test_what_was_acknowledged_is_never_lost(real_bytes: bool) -> None:
    for seed in range(60):
        tape = Tape(seed)
        acknowledged: list[int] = []
        with StormLoop(tape) as loop:
            disk = SimDisk(tape, weather=DiskWeather(real_bytes=real_bytes))

            async def live(disk: SimDisk = disk, acknowledged: list[int] = acknowledged) -> None:
                journal = SimJournal(disk)
                first = disk.last_seq + 1
                for seq in range(first, first + 20):
                    await journal.append([note(seq)])
                    acknowledged.append(seq)

            before: list[int] = []
            for life in range(1, 5):
                engine = loop.process(f"engine-{life}", crash_at_step=tape.draw("crash", 40))
                loop.spawn(engine, live())
                loop.run_for(SECOND_NS)
                now = durable(disk)
                assert now[: len(before)] == before
                assert now == list(range(1, len(now) + 1))
                assert not acknowledged or acknowledged[-1] <= len(now)
                before = now


# ── writes that fail ────────────────────────────────────────────────────────────────────────────


async def four_appends(disk: SimDisk, acknowledged: list[int]) -> None:
    journal = SimJournal(disk)
    first = disk.last_seq + 1
    for seq in range(first, first + 4):
        await journal.append([note(seq)])
        acknowledged.append(seq)
    await journal.snapshot(disk.last_seq, b"state")
    await journal.close()


def test_every_write_can_be_the_one_that_fails() -> None:
    """The n-th write for n = 1, 2, 3 … until a run meets none."""
    failures, marks = 0, Marks()
    while True:
        failures += 1
        disk = SimDisk(Tape(failures), types=TYPES, marks=marks)
        disk.fail_at_write = failures
        acknowledged: list[int] = []
        try:
            in_world(lambda _, disk=disk, done=acknowledged: four_appends(disk, done))  # type: ignore[misc]
        except JournalError as error:
            says = str(error)
        else:
            break
        assert f"failed at write {failures}" in says
        assert durable(disk)[: len(acknowledged)] == acknowledged
        assert disk.last_seq <= len(acknowledged) + 1
        disk.fail_at_write = None
        in_world(lambda _, disk=disk: four_appends(disk, []))  # type: ignore[misc]
        assert durable(disk) == list(range(1, disk.last_seq + 1))
    assert failures == 1 + 1 + 4 + 1  # the opening, four appends, the snapshot; and the run that met none
    assert marks.count["disk.failed"] == 6
    assert marks.count["disk.kept-on-error"] >= 1


@pytest.mark.parametrize("trouble", ["full", "read-only"])
def test_a_failed_append_is_final(trouble: str) -> None:
    async def main(_: StormLoop) -> None:
        disk = SimDisk()
        journal = SimJournal(disk)
        await journal.append(notes(1, 3))
        if trouble == "full":
            disk.full_at_bytes = disk.bytes_used + 10
        else:
            disk.read_only = True
        first, second = journal.append([note(4)]), journal.append([note(5)])
        for written in (first, second):
            with pytest.raises(DiskError, match=trouble):
                await written
        assert not journal.holds()
        disk.full_at_bytes, disk.read_only = None, False
        with pytest.raises(DiskError, match=trouble):
            await journal.append([note(4)])
        with pytest.raises(DiskError, match=trouble):
            await journal.snapshot(3, b"x")
        await journal.close()
        assert durable(disk) == [1, 2, 3]
        await SimJournal(disk).append([note(4)])

    in_world(main)


def test_rot_is_found_by_reading() -> None:
    async def main(_: StormLoop) -> None:
        disk = SimDisk(types=TYPES)
        await SimJournal(disk).append(notes(1, 3))
        disk.rot(2)
        tail = SimJournal(disk).tail(0)
        assert next(tail) == note(1)
        with pytest.raises(Corrupt, match="entry 2"):
            next(tail)

    in_world(main)


def test_a_disk_may_stall() -> None:
    async def main(loop: StormLoop) -> int:
        weather = DiskWeather(stall_permille=1000, stall_ns=(7 * SECOND_NS, 7 * SECOND_NS))
        await SimJournal(SimDisk(Tape(1), weather=weather)).append([note(1)])
        return loop.now_ns

    assert in_world(main) == 7 * SECOND_NS


# ── snapshots ───────────────────────────────────────────────────────────────────────────────────


def test_a_snapshot_is_durable_after_its_entries_and_the_older_one_stays() -> None:
    async def main(loop: StormLoop) -> None:
        disk = SimDisk()
        journal = SimJournal(disk)
        journal.append(notes(1, 4))
        await journal.snapshot(4, b"four")
        assert durable(disk) == [1, 2, 3, 4]
        await journal.append(notes(5, 2))
        await journal.snapshot(6, b"six")
        await journal.append([note(7)])
        reader = SimJournal(disk)
        assert (reader.past().snapshot, reader.past().snapshot_seq, reader.past().last_seq) == (b"six", 6, 7)
        assert disk.archived_seq == 4
        assert list(reader.tail(0)) == notes(1, 7)  # from the archive too
        disk.rot_snapshot()
        assert reader.past().snapshot == b"four"

    in_world(main)


def test_a_cut_never_leaves_a_snapshot_ahead_of_its_entries() -> None:
    seen: list[tuple[int, int]] = []
    for seed in range(60):
        with StormLoop(Tape(seed)) as loop:
            disk = SimDisk(Tape(seed), weather=DiskWeather(flush_ns=SLOW))
            engine = loop.process("engine")

            async def live(disk: SimDisk = disk) -> None:
                journal = SimJournal(disk)
                journal.append(notes(1, 3))
                journal.append(notes(4, 3))
                await journal.snapshot(6, b"six")

            loop.spawn(engine, live())
            loop.run_for(SECOND_NS // 2)
            loop.kill(engine)
            kept = disk.newest_snapshot()
            seen.append((disk.last_seq, kept[0] if kept else 0))
    assert sorted(dict.fromkeys(seen)) == [(0, 0), (3, 0), (6, 0), (6, 6)]


# ── the lease ───────────────────────────────────────────────────────────────────────────────────


def starts(loop: StormLoop, name: str, disk: SimDisk, opened: list[SimJournal]) -> Process:
    process = loop.process(name)

    async def live() -> None:
        opened.append(SimJournal(disk))
        await asyncio.Event().wait()

    loop.spawn(process, live())
    return process


def test_the_journal_of_a_dead_process_cannot_be_written() -> None:
    with StormLoop() as loop:
        opened: list[SimJournal] = []
        disk = SimDisk()
        first = starts(loop, "first", disk, opened)
        loop.run_for(SECOND_NS)
        loop.kill(first)
        with pytest.raises(PowerCut, match="first is dead"):
            opened[0].append([note(1)])
        assert not opened[0].holds()
        assert durable(disk) == []


def test_a_second_opening_fences_the_first_at_its_next_write() -> None:
    async def main(_: StormLoop) -> None:
        disk = SimDisk(types=TYPES)
        first = SimJournal(disk)
        await first.append([note(1)])
        on_its_way = first.append([note(2)])
        second = SimJournal(disk)
        assert (first.life, second.life) == (1, 2)
        assert first.holds()  # it cannot know yet
        with pytest.raises(Fenced, match="life 1 of main ended when life 2 began"):
            await on_its_way
        assert not first.holds()
        assert second.holds()
        await second.append([note(2, "the second life's own")])
        with pytest.raises(Fenced):
            await first.append([note(2)])
        await first.close()
        assert [entry.record for entry in second.tail(1)] == [Noted("info", "the second life's own")]

    in_world(main)


def test_a_lock_is_held_until_its_process_dies() -> None:
    with StormLoop() as loop:
        disk = SimDisk(types=TYPES, weather=DiskWeather(lease="lock"))
        opened: list[SimJournal] = []
        first = starts(loop, "first", disk, opened)
        loop.run_for(SECOND_NS)

        async def second() -> int:
            return SimJournal(disk).life

        loop.freeze_for(3600 * SECOND_NS, first)
        with pytest.raises(LeaseHeld, match="held by life 1"):
            loop.run_until_complete(second())
        assert disk.life == 1
        loop.kill(first)
        assert loop.run_until_complete(second()) == 2


def test_a_lease_with_an_age_outlives_its_holder_but_not_for_long() -> None:
    ttl_ns = 6 * SECOND_NS
    with StormLoop() as loop:
        disk = SimDisk(types=TYPES, weather=DiskWeather(lease="ttl", lease_ttl_ns=ttl_ns))
        opened: list[SimJournal] = []
        first = starts(loop, "first", disk, opened)
        loop.run_for(60 * SECOND_NS)
        assert opened[0].holds()  # renewed all along, though nothing was written

        async def second() -> SimJournal:
            return SimJournal(disk)

        loop.freeze_for(5 * SECOND_NS, first)
        with pytest.raises(LeaseHeld):
            loop.run_until_complete(second())
        loop.freeze_for(30 * SECOND_NS, first)
        loop.run_for(ttl_ns)
        assert not opened[0].holds()  # too old to trust, though nobody has taken it
        heir = loop.run_until_complete(second())
        assert (heir.life, heir.holds()) == (2, True)
        loop.run_for(60 * SECOND_NS)
        assert not opened[0].holds()  # thawed, and its renewal met the fence
        assert heir.holds()


def test_a_lease_that_nobody_took_is_good_again_after_a_pause() -> None:
    with StormLoop() as loop:
        disk = SimDisk(weather=DiskWeather(lease="ttl", lease_ttl_ns=6 * SECOND_NS))
        opened: list[SimJournal] = []
        first = starts(loop, "first", disk, opened)
        loop.run_for(SECOND_NS)
        loop.freeze_for(20 * SECOND_NS, first)
        loop.run_for(15 * SECOND_NS)
        assert not opened[0].holds()
        loop.run_for(15 * SECOND_NS)
        assert opened[0].holds()


def test_two_engines_that_fight_never_both_write() -> None:
    """Whatever the schedule: every entry on the disk was written by the life that was the newest then."""
    marks = Marks()
    for seed in range(30):
        tape = Tape(seed)
        with StormLoop(tape) as loop:
            disk = SimDisk(tape, weather=DiskWeather(), marks=marks)

            async def live(name: str, disk: SimDisk = disk, tape: Tape = tape) -> None:
                while True:
                    journal = SimJournal(disk)
                    try:
                        for seq in range(disk.last_seq + 1, disk.last_seq + 30):
                            await journal.append([note(seq, f"{journal.life}")])
                    except DiskFenced:
                        await asyncio.sleep(tape.draw("back-off", 20) / 1000)

            for name in ("one", "two"):
                loop.spawn(loop.process(name), live(name))
            loop.run_for(SECOND_NS // 5)
            lives = [int(entry.record.text) for entry in disk.entries() if isinstance(entry.record, Noted)]
            assert lives == sorted(lives)
            assert durable(disk) == list(range(1, disk.last_seq + 1))
    assert marks.count["disk.fenced"] > 30
