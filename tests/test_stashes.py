"""Stashes through a real engine: saved from the venue's word, cancelled, and put back exactly once."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from builders import MAIN, RULES, SECOND, Trial, perp, rest, wanting
from msgspec.structs import replace

from kedge.engine.effects import Cancel, Place
from kedge.model import records as r
from kedge.model.events import LinkUp
from kedge.model.order import OrderKind, Side, State
from kedge.model.stash import SavedOrder
from kedge.model.venue import Answer, OrderReport, PlaceOrder

ETH = f"{MAIN}:ETH-PERP"
RULES_HERE = replace(RULES, takes=True, ends="stops")


def world(**more: Any) -> Trial:
    return Trial(instruments=(perp(), perp("ETH-PERP")), rules=replace(RULES_HERE, **more))


def foreign(
    number: int, kind: OrderKind = "take_limit", side: Side = "buy", symbol: str = "ETH-PERP", **more: Any
) -> OrderReport:
    """A stop order that somebody else has placed on the account."""
    settings: dict[str, Any] = {
        "qty": D("1.5"),
        "price": D("3000.5"),
        "cum_qty": D(0),
        "trigger_price": D(3001),
        "expires_ns": 0,
        **more,
    }
    return OrderReport(
        client_id="",
        venue_id=f"stop:{number}",
        symbol=symbol,
        side=side,
        state=State.OPEN,
        venue_ns=1,
        kind=kind,
        **settings,
    )


def saved(t: Trial, *orders: OrderReport, name: str = "night", cancel: bool = False) -> Any:
    taken = t.command("stash.save", name=name, account=MAIN, cancel=cancel)
    assert taken.ok, taken.says
    t.wait(1, keep_books=True)
    t.report(MAIN, orders=orders)
    return t.e.desk.stashes.get(name)


def restored(t: Trial, *orders: OrderReport, name: str = "night") -> list[PlaceOrder]:
    taken = t.command("stash.restore", name=name)
    assert taken.ok, taken.says
    t.wait(1, keep_books=True)
    t.report(MAIN, orders=orders)
    return [place.order for place in t.take(Place)]


def ours(t: Trial, **more: Any) -> PlaceOrder:
    """A bot's own stop order, open at the venue."""
    want = rest("sell", 0, "0.5", kind="stop", trigger_price=D(55000), keep=True, **more)
    t.play("own", wanting(want))
    return t.opened(t.placed())


# ── saving ──────────────────────────────────────────────────────────────────────────────────────


def test_every_stop_order_is_saved_exactly_and_nothing_else() -> None:
    t = world()
    mine = ours(t)
    plain = replace(foreign(9), kind="limit", trigger_price=D(0))
    end_ns = t.now_ns + 3600 * SECOND
    stash = saved(
        t,
        t.seen(mine, kind="stop", trigger_price=D(55000)),
        foreign(1, expires_ns=end_ns),
        foreign(2, "stop", "sell", price=D(0), qty=D(4), cum_qty=D(1)),
        plain,
    )
    assert stash.orders == (
        SavedOrder(
            "BTC-PERP",
            "sell",
            D("0.5"),
            "stop",
            D(55000),
            client_id=mine.client_id,
            venue_id="v" + mine.client_id[-4:],
            bot="own",
        ),
        SavedOrder(
            "ETH-PERP", "buy", D("1.5"), "take_limit", D(3001), D("3000.5"), end_ns, venue_id="stop:1"
        ),
        SavedOrder("ETH-PERP", "sell", D(3), "stop", D(3001), venue_id="stop:2", done=D(1)),
    )
    assert not t.take(Cancel)
    t.check()


def test_only_a_report_that_was_asked_for_later_counts() -> None:
    t = world()
    t.command("stash.save", name="night", account=MAIN)
    t.report(MAIN, orders=(foreign(1),), asked_ns=t.now_ns - 1)
    assert "night" not in t.e.desk.stashes
    t.wait(1, keep_books=True)
    t.report(MAIN, orders=(foreign(1),), complete=False)
    assert "night" not in t.e.desk.stashes
    t.report(MAIN, orders=(foreign(2),))
    assert [one.venue_id for one in t.e.desk.stashes["night"].orders] == ["stop:2"]


def test_with_nothing_to_save_the_old_stash_stays() -> None:
    t = world()
    saved(t, foreign(1))
    saved(t)
    assert len(t.e.desk.stashes["night"].orders) == 1
    assert any("no stop order is open; what was saved before stays" in note for note in t.notes())


def test_one_whose_trigger_is_not_told_is_left_alone() -> None:
    t = world()
    stash = saved(t, foreign(1), foreign(2, trigger_price=D(0)), cancel=True)
    assert [one.venue_id for one in stash.orders] == ["stop:1"]
    assert [c.venue_id for c in t.take(Cancel)] == ["stop:1"]
    assert any("1 are left alone: the venue does not tell their trigger" in note for note in t.notes())


def test_a_question_outlives_its_engine() -> None:
    t = world()
    t.command("stash.save", name="night", account=MAIN, cancel=True)
    t.restart(connect=False)
    t.hear(LinkUp(MAIN, RULES_HERE))
    t.report(MAIN, orders=(foreign(1),))
    assert t.e.desk.stashes["night"].cancelling
    assert [c.venue_id for c in t.take(Cancel)] == ["stop:1"]


@pytest.mark.parametrize(
    ("verb", "args", "says"),
    [
        ("stash.save", {"name": "no name", "account": MAIN}, "is no name for a stash"),
        ("stash.save", {"name": "a", "account": "nowhere/main"}, "no account `nowhere/main`"),
        ("stash.restore", {"name": "night"}, "there is no stash `night`"),
        ("stash.drop", {"name": "night"}, "there is no stash `night`"),
    ],
)
def test_mistakes_are_told(verb: str, args: dict[str, str], says: str) -> None:
    taken = world().command(verb, **args)
    assert not taken.ok
    assert says in taken.says


def test_nothing_is_asked_while_the_venue_is_away_or_a_question_is_open() -> None:
    t = world()
    t.command("stash.save", name="a", account=MAIN)
    assert "is being saved already" in t.command("stash.save", name="a", account=MAIN).says
    t.cut()
    assert "is not connected" in t.command("stash.save", name="b", account=MAIN).says


# ── cancelling ──────────────────────────────────────────────────────────────────────────────────


def test_what_was_saved_is_cancelled_again_until_a_report_shows_none_of_it() -> None:
    t = world()
    mine = ours(t)
    shown = t.seen(mine, kind="stop", trigger_price=D(55000))
    saved(t, shown, foreign(1), foreign(2), cancel=True)
    assert sorted(c.client_id or c.venue_id for c in t.take(Cancel)) == sorted(
        [mine.client_id, "stop:1", "stop:2"]
    )
    t.news(mine, State.CANCELLED, version=9)
    t.wait(4, keep_books=True)
    t.report(MAIN, orders=(foreign(2),))
    assert [c.venue_id for c in t.take(Cancel)] == ["stop:2"]
    t.wait(4, keep_books=True)
    t.report(MAIN, orders=(foreign(3),))  # somebody's new one is not meant
    assert not t.take(Cancel)
    assert not t.e.desk.stashes["night"].cancelling
    assert t.bot("own").still
    t.nothing_sent()


def test_what_remains_is_told() -> None:
    t = world()
    saved(t, foreign(1), cancel=True)
    for _ in range(5):
        t.wait(4, keep_books=True)
        t.report(MAIN, orders=(foreign(1),))
    assert any("1 orders of the stash night remain" in note for note in t.notes())
    assert "still being cancelled" in t.command("stash.restore", name="night").says


def test_an_order_of_ours_that_trades_meanwhile_leaves_the_stash() -> None:
    t = world()
    mine = ours(t)
    saved(t, t.seen(mine, kind="stop", trigger_price=D(55000)), foreign(1), cancel=True)
    t.fill(mine, "0.5", price=55000)
    t.wait(4, keep_books=True)
    t.report(MAIN)
    assert [one.venue_id for one in t.e.desk.stashes["night"].orders] == ["stop:1"]


def test_a_part_that_traded_is_not_put_back() -> None:
    t = world()
    mine = ours(t)
    saved(t, t.seen(mine, kind="stop", trigger_price=D(55000)), cancel=True)
    t.fill(mine, "0.2", price=55000)
    t.news(mine, State.CANCELLED, cum="0.2", version=9)
    t.wait(4, keep_books=True)
    t.report(MAIN)
    (left,) = t.e.desk.stashes["night"].orders
    assert left.qty == D("0.3")


def test_cancels_of_others_keep_to_the_allowance_of_stop_orders() -> None:
    t = world(stops_per_min=2)
    shown = tuple(foreign(number) for number in range(5))
    saved(t, *shown, cancel=True)
    assert len(t.take(Cancel)) == 2
    t.wait(61, keep_books=True)
    t.report(MAIN, orders=shown[2:])
    assert len(t.take(Cancel)) == 2


# ── putting back ────────────────────────────────────────────────────────────────────────────────


def emptied(t: Trial, *orders: OrderReport, name: str = "night") -> None:
    saved(t, *orders, name=name, cancel=True)
    t.take(Cancel)
    t.wait(4, keep_books=True)
    t.report(MAIN)
    assert not t.e.desk.stashes[name].cancelling


def test_restore_puts_back_kind_prices_quantity_and_expiry() -> None:
    t = world()
    end_ns = t.now_ns + 3600 * SECOND
    emptied(t, foreign(1, expires_ns=end_ns), foreign(2, "stop", "sell", price=D(0), trigger_price=D(2000)))
    first, second = restored(t)
    assert (first.kind, first.side, first.qty, first.price) == ("take_limit", "buy", D("1.5"), D("3000.5"))
    assert (first.trigger_price, first.expires_ns) == (D(3001), end_ns)
    assert (second.kind, second.side, second.trigger_price, second.expires_ns) == (
        "stop",
        "sell",
        D(2000),
        0,
    )
    assert t.e.desk.stashes["night"].bot == "stash-night"
    assert t.bot("stash-night").claim == "stash night"


def test_what_still_stands_is_not_doubled() -> None:
    t = world()
    saved(t, foreign(1), foreign(2))
    orders = restored(t, foreign(2))
    assert len(orders) == 1
    assert any("1 orders come back by stash-night; 1 stand already" in note for note in t.notes())


def test_what_has_expired_meanwhile_stays_away() -> None:
    t = world()
    emptied(t, foreign(1, expires_ns=t.now_ns + 5 * SECOND))
    t.wait(10, keep_books=True)
    assert not restored(t)
    assert "stash-night" not in t.e.desk.bots


def test_the_bots_orders_come_back_by_the_bot() -> None:
    t = world()
    mine = ours(t)
    saved(t, t.seen(mine, kind="stop", trigger_price=D(55000)), foreign(1), cancel=True)
    t.take(Cancel)
    t.news(mine, State.CANCELLED, version=9)
    t.wait(4, keep_books=True)
    t.report(MAIN)
    orders = restored(t)
    assert t.bot("own").phase == "running"
    assert sorted(o.symbol for o in orders) == ["BTC-PERP", "ETH-PERP"]
    assert [t.order(o).bot for o in sorted(orders, key=lambda o: o.symbol)] == ["own", "stash-night"]


def test_the_orders_of_a_bot_that_has_ended_come_back_by_the_stash() -> None:
    t = world()
    mine = ours(t)
    saved(t, t.seen(mine, kind="stop", trigger_price=D(55000)), cancel=True)
    t.news(mine, State.CANCELLED, version=9)
    t.command("bot.kill", name="own")
    t.wait(4, keep_books=True)
    t.report(MAIN)
    t.take(Place)
    (order,) = restored(t)
    assert (order.kind, order.trigger_price, t.order(order).bot) == ("stop", D(55000), "stash-night")


def test_a_second_restore_is_refused_while_its_orders_stand() -> None:
    t = world()
    emptied(t, foreign(1))
    (order,) = restored(t)
    t.opened(order)
    taken = t.command("stash.restore", name="night")
    assert not taken.ok
    assert "stash night is held by stash-night" in taken.says
    t.command("bot.kill", name="stash-night")
    t.news(order, State.CANCELLED, version=9)
    t.wait(2, keep_books=True)
    assert t.command("bot.rm", name="stash-night").ok
    assert len(restored(t)) == 1


@pytest.mark.parametrize("dies_after", range(6))
def test_restoring_is_resumed_wherever_the_power_is_cut(dies_after: int) -> None:
    """A crash after each step: asked, begun, sent, one answered, one refused, all open."""
    t = world()
    emptied(t, *(foreign(number, trigger_price=D(3000 + number)) for number in range(3)))
    t.command("stash.restore", name="night")
    orders: list[PlaceOrder] = []
    if dies_after >= 1:
        t.wait(1, keep_books=True)
        t.report(MAIN)
        orders = [place.order for place in t.take(Place)]
    if dies_after >= 3:
        t.opened(orders[0])
    if dies_after >= 4:
        t.answer(orders[1], Answer.REJECTED, "too many")
    if dies_after >= 5:
        t.opened(orders[2])
    t.restart()
    t.wait(1, keep_books=True)
    t.report(MAIN, orders=tuple(t.seen(o) for o in orders if t.order(o).state is State.OPEN))
    for order in orders:
        if t.order(order).state is State.UNKNOWN:
            t.found(order, State.OPEN)
    t.wait(40, keep_books=True)
    later = [place.order for place in t.take(Place)]
    alive = [o for o in [*orders, *later] if t.order(o).live]
    assert sorted(o.trigger_price for o in alive) == [D(3000), D(3001), D(3002)]
    t.check()


def test_a_stash_bot_waits_at_the_venue_and_ends_when_all_has_traded() -> None:
    t = world()
    emptied(t, foreign(1))
    (order,) = restored(t)
    t.opened(order)
    t.lose_book(ETH)
    t.wait(60)
    assert not t.take(Cancel)
    t.fill(order, "1.5", price=3000)
    assert t.bot("stash-night").phase == "stopped"
    assert "1 of 1 orders have traded" in t.bot("stash-night").why


def test_an_order_that_the_venue_refuses_is_left_out_until_a_word() -> None:
    t = world()
    emptied(t, foreign(1), foreign(2, trigger_price=D(2500)))
    good, bad = restored(t)
    t.opened(good)
    for _ in range(3):
        t.answer(bad, Answer.REJECTED, "no")
        t.wait(70, keep_books=True)
        again = t.take(Place)
        bad = again[0].order if again else bad
    assert any("is left out: refused 3 times" in note for note in t.notes("stash-night"))
    t.tell("stash-night", "retry")
    t.wait(70, keep_books=True)
    assert t.take(Place)


def test_a_stash_is_dropped_and_its_restored_orders_stay() -> None:
    t = world()
    emptied(t, foreign(1))
    (order,) = restored(t)
    t.opened(order)
    assert t.command("stash.drop", name="night").ok
    assert not t.take(Cancel)
    assert t.e.desk.stashes == {}
    t.check()


def test_several_stashes_have_names() -> None:
    t = world()
    saved(t, foreign(1), name="a")
    saved(t, foreign(1), foreign(2), name="b")
    assert {name: len(one.orders) for name, one in t.e.desk.stashes.items()} == {"a": 1, "b": 2}
    assert len(t.records(r.StashSaved)) == 2


def test_a_stash_is_not_amended() -> None:
    t = world()
    emptied(t, foreign(1))
    restored(t)
    taken = t.command("bot.amend", name="stash-night", config={"stash": "other"})
    assert "is put back as it was" in taken.says
