"""The spread bot through a real engine: a future on 100 shares against the shares, which trade in tens."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from builders import MAIN, SECOND, START, Trial, perp

from kedge.bots.legs import paid
from kedge.bots.spread_words import Got
from kedge.engine.bot import SlotView
from kedge.engine.effects import Amend, Cancel, Place
from kedge.model.events import InstrumentSeen
from kedge.model.instrument import Instrument, Session
from kedge.model.order import State
from kedge.model.venue import Answer, Balance, PlaceOrder

FAR, NEAR = f"{MAIN}:GZZ6", f"{MAIN}:GAZP"
HOUR = 3600 * SECOND


def future(symbol: str = "GZZ6", **more: Any) -> Instrument:
    settings: dict[str, Any] = {
        "kind": "points",
        "base": symbol,
        "quote": "RUB",
        "settle": "RUB",
        "tick": D(1),
        "tick_value": D(1),
        "qty_step": D(1),
        "min_qty": D(1),
        "sector": "future",
        "asset": "GAZP",
        "asset_size": D(100),
        "buy_margin": D(2000),
        "sell_margin": D(2100),
        "expires_ns": START + 90 * 24 * HOUR,
    }
    return Instrument(symbol=symbol, **{**settings, **more})


def share(**more: Any) -> Instrument:
    settings: dict[str, Any] = {
        "kind": "spot",
        "base": "GAZP",
        "quote": "RUB",
        "settle": "RUB",
        "tick": D("0.01"),
        "qty_step": D(10),
        "min_qty": D(10),
        "lot": D(10),
        "sector": "share",
    }
    return Instrument(symbol="GAZP", **{**settings, **more})


def world(far: Instrument | None = None, near: Instrument | None = None, **more: Any) -> Trial:
    t = Trial(instruments=(far or future(), near or share()), **more)
    quotes(t)
    return t


def quotes(t: Trial, far: Any = 9849, near: Any = "98.00", qty: Any = 5000) -> None:
    """Far 9849/9850; near 98.00/98.01: selling far at 9850 against 98.01 is a spread of 49."""
    t.book(far, market=FAR, qty=qty)
    t.book(near, market=NEAR, qty=qty)


def spread(t: Trial | None = None, **config: Any) -> tuple[Trial, PlaceOrder]:
    t = t or world()
    t.add("s", "spread", **{"far": FAR, "near": NEAR, "side": "sell", "price": "40", "qty": "10", **config})
    return t, t.opened(t.placed())


def refused(t: Trial, **config: Any) -> str:
    whole = {"far": FAR, "near": NEAR, "side": "sell", "price": "40", "qty": "10", **config}
    taken = t.command("bot.add", name="s", kind="spread", config=whole)
    assert not taken.ok
    return taken.says


# ── the far leg ─────────────────────────────────────────────────────────────────────────────────


def test_it_rests_the_whole_remainder_on_the_passive_side() -> None:
    _, far = spread()
    assert (far.symbol, far.side, far.qty, far.price, far.tif) == (
        "GZZ6",
        "sell",
        D(10),
        D(9850),
        "post_only",
    )


@pytest.mark.parametrize(
    ("side", "price", "works"),
    [
        ("sell", "48.99", True),
        ("sell", "49", False),  # strictly better
        ("buy", "49.01", True),  # far joins 9849, near is sold at 98.00
        ("buy", "49", False),
    ],
)
def test_the_near_leg_is_priced_at_the_side_it_will_pay(side: str, price: str, works: bool) -> None:
    t = world()
    t.add("s", "spread", far=FAR, near=NEAR, side=side, price=price, qty="10")
    assert bool(t.take(Place)) is works


def test_a_price_is_exact_and_may_be_negative() -> None:
    t = world()
    quotes(t, far=9700)
    t.add("s", "spread", far=FAR, near=NEAR, side="sell", price="-100.001", qty="1")
    assert t.placed().price == D(9701)
    t.command("bot.amend", name="s", config={"price": "-100"})
    assert t.take(Place) == []


def test_the_depth_of_the_near_book_counts_for_the_whole_remainder() -> None:
    t = world()
    t.book(9849, market=FAR)
    t.levels([("98.00", 100)], [("98.01", 100), ("98.21", 900)], NEAR)
    # 100 at 98.01 and 900 at 98.21 are 98.19 on average: a spread of 31.
    t.add("s", "spread", far=FAR, near=NEAR, side="sell", price="31", qty="10")
    t.nothing_sent()
    t.command("bot.amend", name="s", config={"price": "30.99"})
    assert t.placed().qty == D(10)
    t.add("touch", "spread", far=FAR, near=NEAR, side="sell", price="48", qty="10", near_at="touch")
    assert t.placed().qty == D(10)


def test_what_the_near_book_does_not_show_is_counted_at_the_slip_bound() -> None:
    t = world()
    t.book(9849, market=FAR)
    t.levels([("98.00", 100)], [("98.00", 500)], NEAR)
    t.levels([("97.99", 100)], [("98.00", 500)], NEAR)
    # 500 at 98.00 and 500 at 98.98 (one per cent): 98.49, a spread of 1.
    t.add("s", "spread", far=FAR, near=NEAR, side="sell", price="1", qty="10", slip="0.01")
    t.nothing_sent()
    t.command("bot.amend", name="s", config={"price": "0.99"})
    assert t.placed().price == D(9850)


def test_it_is_pulled_when_the_spread_suits_no_longer_and_comes_back() -> None:
    t, far = spread()
    t.book("98.10", market=NEAR, qty=5000)
    assert t.cancelled() == far.client_id
    t.news(far, State.CANCELLED)
    t.nothing_sent()
    t.book("98.00", market=NEAR, qty=5000)
    t.wait("0.3", keep_books=True)
    assert t.placed().price == D(9850)


def test_it_follows_the_touch_of_the_far_leg_but_not_to_a_spread_that_does_not_suit() -> None:
    t, far = spread(pace_ms=0)
    t.book(9845, market=FAR, qty=5000)
    (moved,) = t.take(Amend)
    assert moved.price == D(9846)
    t.effects.clear()
    t.answer(far, Answer.DONE, request="amend", order=t.seen(far, price=D(9846), version=5))
    t.book(9838, market=FAR, qty=5000)
    assert t.cancelled() == far.client_id


@pytest.mark.parametrize("what", ["stale", "halted", "lost"])
def test_a_near_leg_that_cannot_be_evened_out_pulls_the_far_order(what: str) -> None:
    t, far = spread()
    if what == "stale":
        for _ in range(8):
            t.wait(1)
            t.book(9849, market=FAR, qty=5000)
    elif what == "halted":
        t.hear(InstrumentSeen(MAIN, share(status="halted")))
    else:
        t.lose_book(NEAR)
    assert far.client_id in [c.client_id for c in t.take(Cancel)]


def test_two_refusals_of_the_near_leg_pull_the_far_order_and_are_told() -> None:
    t, far = spread()
    t.fill(far, 2)
    for _ in range(2):
        near = t.placed()
        t.answer(near, Answer.REJECTED, "not enough money")
        t.wait(2, keep_books=True)
    assert far.client_id in [c.client_id for c in t.take(Cancel)]
    assert any("refuses to be evened out" in note for note in t.notes("s"))


def test_a_near_leg_that_is_behind_for_too_long_pulls_the_far_order() -> None:
    t, far = spread(stuck_s=5)
    t.fill(far, 2)
    near = t.placed()
    t.answer(near, Answer.UNKNOWN)
    t.wait(3, keep_books=True)
    assert not t.take(Cancel)
    t.wait(3, keep_books=True)
    assert [c.client_id for c in t.take(Cancel)] == [far.client_id]
    t.found(near, State.FILLED, cum=200)
    t.report(MAIN, fills=(t.a_fill(near, 200),))
    t.news(far, State.CANCELLED, cum=2, version=9)
    t.wait(1, keep_books=True)
    assert t.placed().qty == D(8)


# ── the near leg ────────────────────────────────────────────────────────────────────────────────


def test_the_ratio_comes_from_the_contract_and_each_fill_is_evened_at_once() -> None:
    t, far = spread()
    t.fill(far, 3)
    near = t.placed()
    assert (near.symbol, near.side, near.qty, near.tif) == ("GAZP", "buy", D(300), "ioc")
    assert near.price == D("98.50")  # the ask and half a per cent, on the tick
    t.fill(near, 300)
    t.fill(far, 7)
    t.fill(t.placed(), 700)
    assert t.bot("s").phase == "stopped"


def test_two_futures_of_one_kind_are_one_to_one_and_by_hand_is_by_hand() -> None:
    later = future("GZH7", asset_size=D(100))
    t = Trial(instruments=(later, future()))
    t.book(9900, market=f"{MAIN}:GZH7")
    t.book(9849, market=FAR)
    t.add("c", "spread", far=f"{MAIN}:GZH7", near=FAR, side="sell", price="50", qty="2")
    t.fill(t.opened(t.placed()), 1)
    assert t.placed().qty == D(1)
    assert t.state("c").ratio == D(1)
    t2, far = spread(ratio="50")
    t2.fill(far, 1)
    assert t2.placed().qty == D(50)


def test_without_a_ratio_it_is_refused() -> None:
    said = refused(world(far=future(asset="LKOH")))
    assert "cannot be told; give `ratio`" in said


def test_a_ratio_that_was_resolved_once_stays() -> None:
    t, far = spread()
    t.hear(InstrumentSeen(MAIN, future(asset_size=D(10))))
    t.fill(far, 1)
    assert t.placed().qty == D(100)


def test_what_the_near_leg_cannot_balance_is_named_before_and_after() -> None:
    t, far = spread(ratio="1.5", qty="5", price="-99999", near_at="touch")
    assert any("less than that may stay open" in note for note in t.notes("s"))
    t.fill(far, 5)  # 7.5 shares, in tens: nothing can be bought
    assert t.bot("s").phase == "stopped"
    assert "7.5 of the near leg is missing: it trades in 10" in t.bot("s").why


# ── words ───────────────────────────────────────────────────────────────────────────────────────


def test_progress_is_told_when_even_with_the_spread_after_commissions() -> None:
    t, far = spread()
    t.fill(far, 5, fee=10, fee_asset="RUB")
    assert not any("[5 / 10]" in note for note in t.notes("s"))
    t.fill(t.placed(), 500, price="98.02", fee=5, fee_asset="RUB")
    # 9850 - 100 * 98.02 = 48; 15 RUB over five contracts are 3 a contract.
    assert "[5 / 10] at 48, 45 after commissions" in t.notes("s")


def test_it_ends_with_both_legs_named() -> None:
    t, far = spread(qty="1")
    t.fill(far, 1, fee=2, fee_asset="RUB")
    t.fill(t.placed(), 100, price="98.01")
    assert "[1 / 1] at 49, 47 after commissions; GZZ6 -1 at 9850 (commission 2 RUB); GAZP 100 at 98.01" in (
        t.bot("s").why
    )


def test_who_buys_the_spread_pays_commissions_on_top() -> None:
    t, far = spread(side="buy", price="60")
    t.fill(far, 10, fee=20, fee_asset="RUB")
    t.fill(t.placed(), 1000, price="98.00")
    assert "[10 / 10] at 49, 51 after commissions" in t.bot("s").why


def test_trades_back_count_against_the_average_of_a_leg() -> None:
    slot = SlotView(bought=D(3), sold=D(1), net=D(2), bought_avg=D(10), sold_avg=D(12))
    assert paid(slot) == D(9)
    assert Got(D(1), D(2), {}).after == D(2)


# ── money ───────────────────────────────────────────────────────────────────────────────────────


def rich(t: Trial, free: Any) -> None:
    t.report(MAIN, balances=(Balance("RUB", D(str(free)), D(str(free))),))


def test_margin_is_checked_before_it_begins() -> None:
    t = world()
    # Ten contracts sold: 21000; a thousand shares at 98.01: 98010.
    rich(t, "119009.99")
    said = refused(t)
    assert "it needs 119010 RUB of margin, and 119009.99 is free on paper/main" in said
    rich(t, "119010")
    assert t.command(
        "bot.add",
        name="s",
        kind="spread",
        config={"far": FAR, "near": NEAR, "side": "sell", "price": "40", "qty": "10"},
    ).ok


def test_money_that_is_gone_later_holds_new_risk() -> None:
    t = world()
    rich(t, 119010)
    _, far = spread(t)
    rich(t, 98010)  # the far order's margin is the venue's now
    t.book(9849, market=FAR, qty=4000)
    assert not t.take(Cancel)
    rich(t, 98009)
    t.book(9849, market=FAR, qty=5000)
    assert t.cancelled() == far.client_id
    assert any("holds: it needs" in note for note in t.notes("s"))


def test_the_balance_before_a_cancel_does_not_hold_it() -> None:
    t = world()
    rich(t, 119010)
    _, far = spread(t)
    rich(t, 98010)
    t.book("98.10", market=NEAR, qty=5000)
    t.news(far, State.CANCELLED)
    t.effects.clear()
    t.book("98.00", market=NEAR, qty=5000)
    t.wait("0.3", keep_books=True)
    assert t.placed().qty == D(10)


def test_what_cannot_be_sold_short_is_refused_unless_it_is_held() -> None:
    t = world(near=share(can_short=False))
    assert "GAZP cannot be sold short, and 0 of 1000 is held" in refused(t, side="buy", price="60")
    rich(t, 10**9)
    t.report(MAIN, balances=(Balance("RUB", D(10**9), D(10**9)), Balance("GAZP", D(1000), D(1000))))
    t.add("s", "spread", far=FAR, near=NEAR, side="buy", price="60", qty="10")
    assert t.placed().side == "buy"


# ── sessions ────────────────────────────────────────────────────────────────────────────────────


def session_world() -> Trial:
    """Far: now + 0..60 min and 65..120 min; near: 10..100 min."""
    far = future(
        sessions=(Session(START, START + HOUR), Session(START + HOUR + 300 * SECOND, START + 2 * HOUR))
    )
    near = share(sessions=(Session(START + 600 * SECOND, START + 6000 * SECOND),))
    return world(far, near, now_ns=START)


def test_it_works_only_in_the_hours_both_legs_share() -> None:
    t = session_world()
    t.add("s", "spread", far=FAR, near=NEAR, side="sell", price="40", qty="10")
    t.nothing_sent()
    t.wait(600 + 14, keep_books=True)
    t.nothing_sent()
    t.wait(2, keep_books=True)
    far = t.opened(t.placed())
    t.wait(3600 - 616 - 16, keep_books=True)
    assert not t.take(Cancel)
    t.wait(2, keep_books=True)
    assert t.cancelled() == far.client_id
    t.news(far, State.CANCELLED)
    t.wait(300 + 14 + 14, keep_books=True)
    t.nothing_sent()
    t.wait(4, keep_books=True)
    assert t.placed().qty == D(10)


def test_a_fill_at_the_close_is_evened_when_the_near_leg_opens_again() -> None:
    far = future()
    near = share(
        sessions=(Session(START - HOUR, START + 60 * SECOND), Session(START + HOUR, START + 2 * HOUR))
    )
    t, order = spread(world(far, near))
    t.wait(50, keep_books=True)
    assert t.cancelled() == order.client_id
    t.wait(11, keep_books=True)
    t.fill(order, 2)  # filled before the cancel arrived, and told late
    t.news(order, State.CANCELLED, cum=2, version=9)
    t.nothing_sent()
    assert "not in session" in t.held("s", "near")
    t.restart(30)
    quotes(t)
    t.nothing_sent()
    t.wait(3600, keep_books=True)
    assert [(p.order.symbol, p.order.qty) for p in t.take(Place)] == [("GAZP", D(200))]


# ── stopping, amending, dying ───────────────────────────────────────────────────────────────────


def test_a_stop_withdraws_far_evens_what_filled_and_ends() -> None:
    t, far = spread()
    t.fill(far, 2)
    near = t.placed()
    t.command("bot.stop", name="s")
    assert t.cancelled() == far.client_id
    t.fill(far, 1)  # before the cancel arrived
    t.news(far, State.CANCELLED, cum=3, version=9)
    t.fill(near, 200)
    t.fill(t.placed(), 100)
    assert t.bot("s").phase == "stopped"
    assert t.bot("s").why.startswith("[3 / 10] at ")


def test_price_and_amount_are_amended_while_it_runs() -> None:
    t, far = spread()
    t.fill(far, 4)
    t.fill(t.placed(), 400)
    assert t.command("bot.amend", name="s", config={"qty": "6"}).ok
    assert t.cancelled() == far.client_id
    t.news(far, State.CANCELLED, cum=4, version=9)
    t.wait(1, keep_books=True)
    assert t.opened(t.placed()).qty == D(2)
    assert t.command("bot.amend", name="s", config={"price": "60"}).ok
    assert len(t.take(Cancel)) == 1
    assert not t.command("bot.amend", name="s", config={"side": "buy"}).ok


def test_an_amount_below_what_is_done_ends_it() -> None:
    t, far = spread()
    t.fill(far, 4)
    t.fill(t.placed(), 400)
    t.command("bot.amend", name="s", config={"qty": "3"})
    t.news(far, State.CANCELLED, cum=4, version=9)
    assert t.bot("s").phase == "stopped"


def test_a_crash_between_the_legs_changes_nothing() -> None:
    t, far = spread()
    t.fill(far, 3)
    near = t.placed()
    t.restart()
    quotes(t)
    t.nothing_sent()  # the near order is UNKNOWN: it is asked after, never doubled
    t.found(near, State.FILLED, cum=300)
    t.report(MAIN, orders=(t.seen(far, cum=3),), fills=(t.a_fill(near, 300),))
    assert t.slot("s", "near").tally.net == D(300)
    t.nothing_sent()


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"qty": "0"}, "above zero"),
        ({"ratio": "-1"}, "must not be negative"),
        ({"slip": "1"}, "is a fraction"),
        ({"near": FAR}, "two different markets"),
        ({"report_every": "2"}, "between 0 and 1"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(config: dict[str, str], says: str) -> None:
    assert says in refused(world(), **config)


def test_crypto_legs_of_one_coin_are_one_to_one() -> None:
    dated = perp("BTC-27DEC", expires_ns=START + 30 * 24 * HOUR)
    t = Trial(instruments=(dated, perp()))
    t.book(60500, market=f"{MAIN}:BTC-27DEC")
    t.add(
        "s", "spread", far=f"{MAIN}:BTC-27DEC", near="paper/main:BTC-PERP", side="sell", price="100", qty="1"
    )
    t.fill(t.opened(t.placed()), "0.5")
    assert t.placed().qty == D("0.5")
