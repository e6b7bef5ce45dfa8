"""Three hundred stop orders through a whole cell, journal and shell included, on the storm's clock: at the
venue's pace, without an idle gap, and in nobody's way."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from builders import RULES, SECOND, rest, wanting
from msgspec.structs import replace
from runtime_kit import Room, a_room, in_virtual_time, now_ns
from test_turns import stop

from kedge.model import pace
from kedge.model.events import Answered
from kedge.model.order import TRIGGERED, State
from kedge.model.venue import AccountReport, Answer, OrderReport, PlaceOrder

STOPS, PER_MIN = 300, 50
PACED = replace(RULES, stops_per_min=PER_MIN, takes=True)
# Of the reading of books and of the journal's commits on the way.
GAP_NS = SECOND // 2


def stops_of(room: Room) -> list[int]:
    """When each stop order left."""
    kinds = {order.client_id: order.kind for order in room.venue.orders}
    asked = zip(room.venue.left, room.venue.left_ns, strict=True)
    return [at_ns for (what, whose), at_ns in asked if what == "place" and kinds.get(whose) in TRIGGERED]


def remembering(room: Room) -> None:
    """The venue by hand shows what it took, when it is asked for everything."""
    place, report = room.venue.place, room.venue.report
    taken: dict[str, OrderReport] = {}

    async def noted(order: PlaceOrder) -> Answered:
        said = await place(order)
        if said.order is not None:
            taken[order.client_id] = replace(said.order, kind=order.kind)
        return said

    async def whole(cursor: str) -> AccountReport | str:
        found = await report(cursor)
        return replace(found, open_orders=tuple(taken.values())) if not isinstance(found, str) else found

    room.venue.place, room.venue.report = noted, whole  # type: ignore[method-assign]


def standing(room: Room) -> int:
    """Stop orders that the desk believes to stand at the venue."""
    orders = room.cell.engine.desk.accounts[room.venue.account].orders
    return sum(one.kind in TRIGGERED and one.state is State.OPEN for one in orders.values())


async def refreshed(room: Room, seconds: float) -> None:
    """Time passes, and the book stays fresh."""
    for _ in range(int(seconds * 2)):
        room.book()
        await asyncio.sleep(0.5)


def test_three_hundred_leave_at_the_pace_and_no_window_is_left_idle() -> None:
    async def go() -> None:
        async with a_room(rules=PACED) as room:
            remembering(room)
            await room.play("ladder", wanting(*[stop(f"s{n}") for n in range(STOPS)]))
            began_ns = now_ns()
            await refreshed(room, 5 * pace.WINDOW_NS / SECOND + 10)
            left = stops_of(room)
            assert len(left) == STOPS, "each once"
            for first, last in zip(left, left[PER_MIN:], strict=False):
                assert last - first >= pace.WINDOW_NS, "never more than allowed in a minute"
            for count, at_ns in enumerate(left):
                due_ns = began_ns + count // PER_MIN * pace.WINDOW_NS
                assert at_ns - due_ns <= GAP_NS, f"number {count} was {at_ns - due_ns} ns late"
            assert all(a <= b for a, b in pairwise(left))
            assert standing(room) == STOPS

    in_virtual_time(go)


def test_plain_orders_and_cancels_pass_them_by() -> None:
    async def go() -> None:
        async with a_room(rules=PACED) as room:
            remembering(room)
            await room.play("ladder", wanting(*[stop(f"s{n}") for n in range(STOPS)]))
            await refreshed(room, 10)
            await room.play("other", wanting(rest("buy", 59990, "0.01")))
            asked_ns = now_ns()
            await refreshed(room, 1)
            plain = next(order for order in room.venue.orders if order.kind == "limit")
            assert _left(room, "place", plain.client_id) - asked_ns <= GAP_NS
            await room.do("bot.pause", name="other")
            asked_ns = now_ns()
            await refreshed(room, 1)
            assert _left(room, "cancel", plain.client_id) - asked_ns <= GAP_NS
            assert len(stops_of(room)) == PER_MIN

    in_virtual_time(go)


def test_a_venue_that_says_too_many_is_waited_for_and_all_leave_in_the_end() -> None:
    """Its own count may be behind ours: what it turned away goes again, once, and is no refusal."""

    async def go() -> None:
        async with a_room(rules=PACED) as room:
            turned: list[str] = []
            place = room.venue.place

            async def sometimes(order: PlaceOrder) -> Answered:
                said = await place(order)
                if order.kind in TRIGGERED and len(turned) < 20 and len(room.venue.orders) % 7 == 0:
                    turned.append(order.client_id)
                    why = "80002: too many requests"
                    return replace(said, answer=Answer.REJECTED, reason=why, order=None, retry_ns=5 * SECOND)
                return said

            room.venue.place = sometimes  # type: ignore[method-assign]
            remembering(room)
            await room.play("ladder", wanting(*[stop(f"s{n}") for n in range(STOPS)]))
            await refreshed(room, 9 * pace.WINDOW_NS / SECOND)
            assert len(turned) == 20
            assert standing(room) == STOPS
            assert not [one for one in room.notes() if "refus" in one], "nobody needs to know"

    in_virtual_time(go)


def _left(room: Room, what: str, client_id: str) -> int:
    asked = zip(room.venue.left, room.venue.left_ns, strict=True)
    return next(at_ns for said, at_ns in asked if said == (what, client_id))
