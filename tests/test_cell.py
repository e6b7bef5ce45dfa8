"""The cell: records first, then effects; people answered when it is durable; everything bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from decimal import Decimal as D
from typing import Any

import pytest
from builders import MAIN, PERP, rest, up_to, wanting
from runtime_kit import HandJournal, Room, a_room, in_virtual_time, now_ns, settle

from kedge.engine.state import Desk, decode_desk, digest
from kedge.journal.journal import Fenced, JournalError
from kedge.model import records as r
from kedge.model.events import BookLost, Event, FillNews, LinkDown, MarkUpdate
from kedge.model.records import Entry
from kedge.model.venue import Fill
from kedge.runtime import cell as cells
from kedge.runtime.cell import Cell
from kedge.runtime.port import EngineAway


def a_fill(number: int) -> FillNews:
    fill = Fill(f"x{number}", "", "v1", "BTC-PERP", "buy", D("0.001"), D(60000), D(0), "USD", now_ns())
    return FillNews(MAIN, fill)


# ── write, then act ─────────────────────────────────────────────────────────────────────────────


def test_nothing_leaves_before_its_record_is_durable() -> None:
    async def go() -> None:
        async with a_room() as room:
            room.venue.at_place = lambda order: asserts.append(order.client_id in room.journal.intents())
            asserts: list[bool] = []
            room.journal.by_hand = True
            added = asyncio.get_running_loop().create_task(room.play("a", up_to("buy", 59990, "0.01")))
            await settle()
            assert len(room.journal.appends[-1]) >= 2
            assert not room.venue.orders
            room.journal.sync()
            await settle()
            assert len(room.venue.orders) == 1
            assert asserts == [True]
            await added

    in_virtual_time(go)


def test_an_early_quote_may_leave_with_its_record() -> None:
    async def go() -> None:
        async with a_room() as room:
            quote = rest("buy", 59990, "0.01", "q", tif="post_only", quote=True)
            plain = rest("buy", 59980, "0.01", "p", tif="post_only")
            room.journal.by_hand = True
            room.puppet.acts["a"] = wanting(quote, plain)
            added = room.ask("bot.add", name="a", kind="puppet")
            await settle()
            assert [order.price for order in room.venue.orders] == [D(59990)]
            assert not room.journal.intents()
            room.journal.sync()
            await settle()
            assert [order.price for order in room.venue.orders] == [D(59990), D(59980)]
            await added

    in_virtual_time(go)


class QuickJournal(HandJournal):
    """Its disk is so quick that the caller waits for it: what was appended is durable on return."""

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[None]:
        done = super().append(entries)
        self.sync()
        return done


def test_on_a_quick_disk_a_quote_leaves_before_the_sync_and_all_else_after_it() -> None:
    async def go() -> None:
        async with a_room(journal=QuickJournal()) as room:
            quote = rest("buy", 59990, "0.01", "q", tif="post_only", quote=True)
            plain = rest("buy", 59980, "0.01", "p", tif="post_only")
            known: dict[D, bool] = {}
            room.venue.at_place = lambda order: known.update(
                {order.price: order.client_id in room.journal.intents()}
            )
            await room.play("a", wanting(quote, plain))
            await settle()
            assert known == {D(59990): False, D(59980): True}
            assert room.cell.durable_seq == room.cell.last_seq
            assert len(room.journal.intents()) == 2

    in_virtual_time(go)


def test_the_record_of_an_early_quote_is_handed_over_even_when_the_cell_stops_at_once() -> None:
    async def go() -> None:
        async with a_room(journal=QuickJournal()) as room:
            quote = rest("buy", 59990, "0.01", "q", tif="post_only", quote=True)
            room.venue.at_place = lambda order: room.cell.stop()
            room.puppet.acts["a"] = wanting(quote)
            added = room.ask("bot.add", name="a", kind="puppet")
            await settle()
            assert [order.client_id for order in room.venue.orders] == room.journal.intents()
            assert (await added).ok

    in_virtual_time(go)


def test_effects_keep_the_order_of_their_records() -> None:
    async def go() -> None:
        async with a_room() as room:
            room.journal.by_hand = True
            asked = []
            for number in range(5):
                room.puppet.acts[f"b{number}"] = up_to("buy", 59990 - number, "0.01")
                asked.append(room.ask("bot.add", name=f"b{number}", kind="puppet"))
                await settle()
            assert len(room.journal.appends) >= 5
            for count in range(5):
                room.journal.sync(1)
                await settle()
                assert len(room.venue.orders) == count + 1
            assert [order.client_id for order in room.venue.orders] == room.journal.intents()
            assert [order.price for order in room.venue.orders] == [D(59990 - n) for n in range(5)]
            for task in asked:
                assert (await task).ok

    in_virtual_time(go)


@pytest.mark.parametrize("error", [JournalError("the disk is full"), Fenced("another life has begun")])
def test_a_journal_that_fails_ends_the_cell_and_nothing_is_sent(error: JournalError) -> None:
    async def go() -> None:
        room = Room()
        running = asyncio.get_running_loop().create_task(room.cell.run())
        await settle()
        room.book()
        await room.play("a", up_to("buy", 59990, "0.01"))
        await settle()
        room.journal.by_hand = True
        left = len(room.venue.left)
        quote = rest("buy", 59980, "0.01", tif="post_only", quote=True)
        room.puppet.acts["b"] = wanting(quote)
        room.puppet.acts["c"] = up_to("buy", 59970, "0.01")
        quoting = room.ask("bot.add", name="b", kind="puppet")
        waiting = room.ask("bot.add", name="c", kind="puppet")
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        room.journal.fail(error)
        with pytest.raises(type(error), match=str(error)):
            await running
        for task in (quoting, waiting):
            with pytest.raises(EngineAway, match="before the command was durable"):
                await task
        assert [what for what, _ in room.venue.left[left:]] == []
        assert room.venue.closed
        with pytest.raises(EngineAway, match="is stopping"):
            await room.do("bot.pause", name="a")

    in_virtual_time(go)


def test_a_lost_lease_ends_the_cell_even_when_nothing_is_under_way() -> None:
    async def go() -> None:
        room = Room()
        running = asyncio.get_running_loop().create_task(room.cell.run())
        await settle()
        room.journal.lease = False
        room.book()
        with pytest.raises(JournalError, match="no longer holds the lease"):
            await running

    in_virtual_time(go)


def test_one_batch_is_one_commit() -> None:
    async def go() -> None:
        async with a_room() as room:
            before = len(room.journal.appends)
            asked = [room.ask("bot.add", name=f"b{n}", kind="puppet") for n in range(20)]
            await asyncio.gather(*asked)
            assert len(room.journal.appends) == before + 1

    in_virtual_time(go)


# ── bounds ──────────────────────────────────────────────────────────────────────────────────────


def test_the_engine_waits_for_a_disk_that_is_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "UNSYNCED_MOST", 40)
    monkeypatch.setattr(cells, "BATCH_MOST", 10)

    async def go() -> None:
        async with a_room() as room:
            room.journal.by_hand = True
            for number in range(300):
                room.cell.hear(a_fill(number))
            await settle()
            behind = room.cell.last_seq - room.cell.durable_seq
            assert 40 < behind <= 40 + 10 * 3
            steps = room.cell.steps
            await settle()
            assert room.cell.steps == steps
            room.journal.by_hand = False
            room.journal.sync()
            await settle()
            assert len(room.cell.engine.desk.accounts[MAIN].seen) == 300

    in_virtual_time(go)


def test_what_is_streamed_too_fast_is_dropped_said_and_asked_for_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cells, "INBOX_MOST", 2 * cells.BATCH_MOST)

    async def go() -> None:
        async with a_room() as room:
            await asyncio.sleep(10)
            reports = room.venue.count("report")
            for number in range(2 * cells.BATCH_MOST + 7):
                room.cell.hear(a_fill(number))
            room.cell.hear(LinkDown(MAIN, "after all that"))
            added = room.ask("bot.add", name="a", kind="puppet")
            await settle()
            assert len(room.cell.engine.desk.accounts[MAIN].seen) == 2 * cells.BATCH_MOST
            assert "inbox: 7 events were dropped; asking the venues instead" in room.notes()
            assert not room.cell.engine.links[MAIN].up, "links are never dropped"
            assert (await added).ok, "commands are never dropped"
            await room.venue.open(room.cell.hear)
            await asyncio.sleep(10)
            assert room.venue.count("report") > reports

    in_virtual_time(go)


def test_what_was_dropped_last_is_noticed_without_further_news(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "INBOX_MOST", 2 * cells.BATCH_MOST)  # a whole number of batches

    async def go() -> None:
        async with a_room() as room:
            for number in range(2 * cells.BATCH_MOST + 7):
                room.cell.hear(a_fill(number))
            await settle()
            assert "inbox: 7 events were dropped; asking the venues instead" in room.notes()

    in_virtual_time(go)


def test_of_books_only_the_newest_counts() -> None:
    async def go() -> None:
        async with a_room() as room:
            steps = room.cell.steps
            for number in range(100):
                room.book(60000 + number)
            await settle()
            assert room.cell.steps == steps + 1
            assert room.cell.engine.markets[PERP].bids[0].price == D(60099)

    in_virtual_time(go)


@pytest.mark.parametrize("news", [BookLost(PERP, "a gap"), LinkDown(MAIN, "cut")])
def test_a_book_that_waits_does_not_come_after_its_loss(news: Event) -> None:
    async def go() -> None:
        async with a_room() as room:
            room.book(61000)
            room.cell.hear(news)
            await settle()
            market = room.cell.engine.markets[PERP]
            assert not room.cell.engine.fresh(market)
            assert market.bids[0].price == D(60000), "what came before the loss is gone"

    in_virtual_time(go)


def test_accounts_come_before_books() -> None:
    async def go() -> None:
        order: list[str] = []
        async with a_room() as room:
            room.cell._record = lambda now_ns, event: order.append(type(event).__name__)
            room.book(60001)
            room.cell.hear(MarkUpdate(PERP, D(60000)))
            room.cell.hear(a_fill(1))
            await settle()
        assert order[:3] == ["MarkUpdate", "FillNews", "BookUpdate"]

    in_virtual_time(go)


# ── people ──────────────────────────────────────────────────────────────────────────────────────


def test_a_command_is_answered_when_it_is_durable() -> None:
    async def go() -> None:
        async with a_room() as room:
            room.journal.by_hand = True
            asked = room.ask("bot.add", name="a", kind="puppet")
            await settle()
            assert "a" in room.cell.engine.desk.bots
            assert not asked.done()
            room.journal.sync()
            taken = await asked
            assert (taken.ok, taken.says, taken.actor) == (True, "a is running", "ann")

    in_virtual_time(go)


def test_a_repeated_command_acts_once_and_is_answered_once_durable() -> None:
    async def go() -> None:
        async with a_room() as room:
            room.journal.by_hand = True
            first = room.ask("bot.add", "same", name="a", kind="puppet")
            second = room.ask("bot.add", "same", name="a", kind="puppet")
            await settle()
            assert not first.done()
            assert not second.done()
            room.journal.sync()
            assert (await first).says == (await second).says == "a is running"
            again = await room.do("bot.add", "same", name="a", kind="puppet")
            assert (again.ok, again.says) == (True, "a is running")
            assert len([e for e in room.journal.durable if isinstance(e.record, r.CommandTaken)]) == 1

    in_virtual_time(go)


def test_a_repeated_command_does_not_wait_for_records_that_are_not_its_own() -> None:
    """Under load something is always on its way to the disk."""

    async def go() -> None:
        async with a_room() as room:
            await room.do("bot.add", "same", name="a", kind="puppet")
            room.journal.by_hand = True
            room.cell.hear(a_fill(1))
            await settle()
            assert room.cell.durable_seq < room.cell.last_seq
            again = room.ask("bot.add", "same", name="a", kind="puppet")
            await settle()
            assert again.done()
            assert (await again).ok

    in_virtual_time(go)


def test_a_caller_who_leaves_changes_nothing() -> None:
    async def go() -> None:
        async with a_room() as room:
            room.journal.by_hand = True
            asked = room.ask("bot.add", "same", name="a", kind="puppet")
            await settle()
            asked.cancel()
            await settle()
            room.journal.sync()
            await settle()
            assert (await room.do("bot.add", "same", name="a", kind="puppet")).says == "a is running"
            assert not room.cell._answers

    in_virtual_time(go)


def test_tails_see_what_is_durable_and_taps_what_is_heard() -> None:
    async def go() -> None:
        async with a_room() as room:
            told: list[Entry] = []
            heard: list[Event] = []
            room.cell.tails[7] = told.extend
            room.cell.taps[7] = heard.append
            room.journal.by_hand = True
            fill = a_fill(1)
            room.cell.hear(fill)
            await settle()
            assert heard == [fill]
            assert not told
            room.journal.sync()
            await settle()
            assert told == room.journal.durable[-len(told) :]
            assert any(isinstance(entry.record, r.Filled) for entry in told)

    in_virtual_time(go)


# ── lives ───────────────────────────────────────────────────────────────────────────────────────


def reborn(journal: HandJournal) -> Cell:
    """The next life's cell, before it is born."""
    journal.by_hand = False
    journal.life += 1
    return Room(journal).cell


def test_the_state_is_kept_every_so_many_records_and_a_start_goes_on_from_there() -> None:
    async def go() -> None:
        journal = HandJournal()
        async with a_room(journal=journal, snapshot_every=25) as room:
            for number in range(120):
                room.cell.hear(a_fill(number))
                if number % 10 == 0:
                    await settle()
            await room.play("a", up_to("buy", 59990, "0.01"))
            await settle()
            live = digest(room.cell.engine.desk)
            assert len(journal.snapshots) >= 3
            spans = [b[0] - a[0] for a, b in zip(journal.snapshots, journal.snapshots[1:], strict=False)]
            assert all(span >= 25 for span in spans)
        assert journal.snapshots[-1][0] < journal.durable[-1].seq
        assert digest(reborn(journal).engine.desk) == live
        whole = HandJournal(journal.durable)
        assert digest(reborn(whole).engine.desk) == live
        assert decode_desk(journal.snapshots[0][1]) != Desk()

    in_virtual_time(go)


def test_a_snapshot_waits_until_its_last_record_is_durable() -> None:
    async def go() -> None:
        async with a_room(snapshot_every=20) as room:
            room.journal.by_hand = True
            for number in range(60):
                room.cell.hear(a_fill(number))
            await settle()
            assert not room.journal.snapshots
            room.journal.sync()
            await settle()
            assert [seq for seq, _ in room.journal.snapshots] == [room.cell.durable_seq]

    in_virtual_time(go)


def test_a_second_life_remembers_commands_bots_and_orders() -> None:
    async def go() -> None:
        journal = HandJournal()
        async with a_room(journal=journal) as room:
            await room.play("a", up_to("buy", 59990, "0.01"))
            await room.do("bot.pause", "the-pause", name="a")
            await settle()
        journal.life = 2
        async with a_room(journal=journal) as room:
            assert room.cell.engine.desk.life == 2
            assert room.cell.engine.desk.bots["a"].phase == "paused"
            assert (await room.do("bot.pause", "the-pause", name="a")).ok
            taken = [e for e in journal.durable if isinstance(e.record, r.CommandTaken)]
            assert len(taken) == 2
        with pytest.raises(AssertionError, match="the journal jumps"):
            Room(HandJournal([*journal.durable[:3], *journal.durable[4:]]))

    in_virtual_time(go)


def test_a_stop_is_in_good_order() -> None:
    async def go() -> None:
        room = Room()
        running = asyncio.get_running_loop().create_task(room.cell.run())
        await settle()
        room.journal.by_hand = True
        waiting = room.ask("bot.add", name="a", kind="puppet")
        await settle()
        room.cell.stop()
        await running
        with pytest.raises(EngineAway):
            await waiting
        steps = room.cell.steps
        room.book()
        room.journal.sync()
        await settle()
        assert room.cell.steps == steps
        never = Room()
        never.cell.stop()
        await never.cell.run()
        assert not never.journal.appends

    in_virtual_time(go)


def test_a_bot_that_raises_is_parked_and_the_others_go_on() -> None:
    async def go() -> None:
        async with a_room() as room:

            def broken(view: Any) -> Any:
                raise KeyError("far")

            await room.play("bad", broken)
            await room.play("good", up_to("buy", 59990, "0.01"))
            await settle()
            assert room.cell.engine.desk.bots["bad"].phase == "parked"
            assert len(room.venue.orders) == 1

    in_virtual_time(go)


def test_timers_run_when_they_are_due() -> None:
    async def go() -> None:
        async with a_room() as room:
            views = room.puppet.seen
            await room.play("a", up_to("buy", 59990, "0.01"))
            stale_ns = room.venue.rules.book_age_max_ns
            await asyncio.sleep(stale_ns / 1e9 + 1)
            assert not views[-1].market(PERP).fresh, "nobody said so: the time did"
            assert room.venue.count("cancel") >= 1

    in_virtual_time(go)
