"""What the engine tells of itself: measured beside its work, filled into a status when somebody asks."""

from __future__ import annotations

import asyncio

from builders import MAIN, PERP, rest, wanting
from runtime_kit import Room, a_room, in_virtual_time, settle

from kedge.engine import look
from kedge.engine.effects import Errand
from kedge.model import records as r
from kedge.model.looks import Status
from kedge.runtime.meters import Gauges


def status_of(room: Room, gauges: Gauges) -> Status:
    cell = room.cell
    now = look.status(cell.engine, cell.clock(), cell.began_ns, cell.last_seq, cell.durable_seq)
    return gauges.fill_in(now)


def test_a_status_tells_how_the_engine_and_its_adapters_are() -> None:
    async def go() -> None:
        async with a_room() as room:
            gauges = Gauges(room.cell)
            beat = asyncio.get_running_loop().create_task(gauges.run())
            await room.play("a", wanting(rest("buy", 59990, "0.01")))
            await settle()
            await asyncio.sleep(3)
            room.venue.odd = "the venue's clock is 5 ms ahead"
            meters, (account,) = (now := status_of(room, gauges)).meters, now.accounts
            assert (meters.inbox, meters.unsynced, meters.effects) == (0, 0, 0)
            assert meters.steps == room.cell.steps > 0
            assert meters.rss_bytes > 10**6
            assert meters.journal_p99_ns >= meters.journal_ns >= 0
            assert meters.recovery_ns >= 0
            assert (account.requests_used, account.requests_max, account.skew_ns) == (3, 100, 5_000_000)
            assert (account.trouble, account.reconnects) == (room.venue.odd, 0)
            beat.cancel()

    in_virtual_time(go)


def test_what_waits_for_the_disk_is_counted() -> None:
    async def go() -> None:
        async with a_room() as room:
            gauges = Gauges(room.cell)
            room.journal.by_hand = True
            adding = asyncio.get_running_loop().create_task(
                room.play("a", wanting(rest("buy", 59990, "0.01")))
            )
            await settle()
            meters = status_of(room, gauges).meters
            assert meters.unsynced >= 2
            assert meters.effects >= 1
            for _ in range(3):  # what its answer comes to is written, too
                room.journal.sync()
                await settle()
            meters = status_of(room, gauges).meters
            assert (meters.unsynced, meters.effects) == (0, 0)
            await adding

    in_virtual_time(go)


def test_an_errand_is_carried_out_after_its_record_and_its_end_is_written() -> None:
    async def go() -> None:
        async with a_room() as room:
            done: list[tuple[str, int]] = []

            async def do(errand: Errand) -> str:
                done.append((errand.verb, room.cell.durable_seq))
                if errand.verb == "desk.reload":
                    raise ValueError("the bots file is no TOML")
                return "a verified copy is in /b"

            room.cell.do_errand = do
            began = room.cell.last_seq
            assert (await room.ask("desk.backup", target="/b")).ok
            assert (await room.ask("desk.reload")).ok
            await settle()
            assert [verb for verb, _ in done] == ["desk.backup", "desk.reload"]
            assert done[0][1] > began, "its record was durable first"
            ended = [e.record for e in room.journal.durable if isinstance(e.record, r.ErrandEnded)]
            assert [(x.ok, x.says) for x in ended] == [
                (True, "a verified copy is in /b"),
                (False, "the bots file is no TOML"),
            ]

    in_virtual_time(go)


def test_cancelling_all_goes_to_the_venue_and_its_answer_comes_back() -> None:
    async def go() -> None:
        async with a_room() as room:
            await room.play("a", wanting(rest("buy", 59990, "0.01")))
            await settle()
            room.venue.cancel_all_says = "this venue has no such request"
            assert (await room.ask("desk.cancel", account=MAIN)).ok
            await settle()
            assert room.venue.count("cancel_all") == 1
            assert room.cell.engine.links[MAIN].sweep_says == room.venue.cancel_all_says
            assert PERP in room.cell.engine.watched("a")

    in_virtual_time(go)
