"""The ladder through a real engine: what is placed, at which prices, for how much, and what is left out."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import pytest
from builders import MAIN, RULES, SECOND, Trial, perp
from msgspec.structs import replace
from test_bot_spread import future, share

from kedge.bots.rungs import lots
from kedge.engine.effects import Cancel, Place
from kedge.model.events import MarkUpdate
from kedge.model.instrument import Instrument
from kedge.model.order import State
from kedge.model.venue import Answer, PlaceOrder

TAKES = replace(RULES, takes=True, ends="stops")
GAZP, OFZ, GZZ6 = f"{MAIN}:GAZP", f"{MAIN}:SU26238RMFS4", f"{MAIN}:GZZ6"
MINUTE = 60 * SECOND


def bond(**more: Any) -> Instrument:
    settings: dict[str, Any] = {
        "kind": "bond",
        "base": "SU26238RMFS4",
        "quote": "RUB",
        "settle": "RUB",
        "tick": D("0.001"),
        "qty_step": D(1),
        "min_qty": D(1),
        "nominal": D(1000),
        "sector": "bond",
    }
    return Instrument(symbol="SU26238RMFS4", **{**settings, **more})


def world(*instruments: Instrument, **lasts: str) -> Trial:
    t = Trial(rules=TAKES, instruments=instruments or (share(),))
    for symbol, price in (lasts or {"GAZP": "250.37"}).items():
        t.hear(last(f"{MAIN}:{symbol}", D(price)))
    return t


def last(market: str, price: D) -> MarkUpdate:
    return MarkUpdate(market, D(0), D(0), last=price)


def ladder(t: Trial, *markets: str, **config: Any) -> list[PlaceOrder]:
    t.add("l", "ladder", markets=markets or (GAZP,), **{"money": "300000", **config})
    return [place.order for place in t.take(Place)]


def shown(orders: list[PlaceOrder]) -> list[tuple[str, str, D, D, D]]:
    return [(o.kind, o.side, o.trigger_price, o.price, o.qty) for o in orders]


# ── prices and lots ─────────────────────────────────────────────────────────────────────────────


def test_stops_are_takes_below_the_last_price_with_their_limit_at_the_trigger() -> None:
    """250.37 less 15 per cent is 212.8145: 1409.6 shares, of which 1400 in lots of ten."""
    orders = ladder(world())
    assert shown(orders) == [
        ("take_limit", "buy", D("212.81"), D("212.81"), D(1400)),
        ("take_limit", "buy", D("200.29"), D("200.29"), D(1490)),
        ("take_limit", "buy", D("187.77"), D("187.77"), D(1590)),
    ]
    assert {o.expires_ns for o in orders} == {world().now_ns + 120 * MINUTE}


def test_shorts_are_takes_above_it_cut_to_the_tick() -> None:
    orders = ladder(world(), side="sell", levels=["20", "25", "30"])
    assert shown(orders) == [
        ("take_limit", "sell", D("300.44"), D("300.44"), D(990)),
        ("take_limit", "sell", D("312.96"), D("312.96"), D(950)),
        ("take_limit", "sell", D("325.48"), D("325.48"), D(920)),
    ]


def test_a_nuke_begins_at_the_price_itself() -> None:
    orders = ladder(world(), money="25000", levels=["0", "1", "5", "7"], strict=True)
    assert [o.trigger_price for o in orders] == [D("250.37"), D("247.86"), D("237.85"), D("232.84")]
    assert [o.qty for o in orders] == [D(90), D(100), D(100), D(100)]


@pytest.mark.parametrize(("money", "ok"), [("2503.70", False), ("2503.71", True)])
def test_a_sum_that_is_no_more_than_a_lot_is_too_small(money: str, ok: bool) -> None:
    t = world()
    config = {"markets": [GAZP], "money": money, "levels": ["0", "1", "5", "7"], "strict": True}
    taken = t.command("bot.add", name="l", kind="ladder", config=config)
    assert taken.ok is ok
    assert ok or taken.says.startswith(
        "Sum is too small: 2503.7 an order, and a lot of GAZP costs 2503.7 RUB"
    )


def test_a_bonds_sum_counts_its_nominal() -> None:
    """54.321 per cent of 1000 less 15 per cent is 461.7285 roubles: 649 bonds for 300000."""
    t = world(bond(), SU26238RMFS4="54.321")
    orders = ladder(t, OFZ, levels=["15"])
    assert shown(orders) == [("take_limit", "buy", D("46.172"), D("46.172"), D(649))]


def test_a_futures_sum_counts_what_a_point_is_worth() -> None:
    t = world(future(tick_value=D("1.5")), GZZ6="10000")
    orders = ladder(t, GZZ6, levels=["20"])
    assert shown(orders) == [("take_limit", "buy", D(8000), D(8000), D(25))]
    assert lots(future(tick_value=D("1.5")), D(300000), D(8000)) == D(25)


def test_stops_run_the_other_way_and_have_their_limit_beyond_the_trigger() -> None:
    t = world()
    (buy,) = ladder(t, levels=["10"], order="stop_limit", through="0.01")
    assert (buy.trigger_price, buy.price) == (D("275.40"), D("278.15"))
    t2 = world()
    (sell,) = ladder(t2, levels=["10"], order="stop", side="sell")
    assert (sell.kind, sell.trigger_price, sell.price) == ("stop", D("225.33"), D(0))


def test_a_base_price_by_hand_and_one_of_the_book() -> None:
    (one,) = ladder(world(), price="200", levels=["50"])
    assert one.trigger_price == D(100)
    t = Trial(rules=TAKES, instruments=(share(),))
    t.book("100.00", ask="100.02", market=GAZP)
    (middle,) = ladder(t, levels=["10"])
    assert middle.trigger_price == D("90.00")


# ── what is left out ────────────────────────────────────────────────────────────────────────────


def test_what_cannot_trade_is_left_out_by_name_and_the_rest_is_placed() -> None:
    dear = perp("DEAR", quote="RUB", settle="RUB", qty_step=D(100), min_qty=D(100))
    barred = perp("BARRED", can_buy=False)
    gone = perp("GONE", listed=False)
    t = Trial(rules=TAKES, instruments=(share(), dear, barred, gone, perp("SILENT")))
    for symbol in ("GAZP", "DEAR", "BARRED", "GONE"):
        t.hear(last(f"{MAIN}:{symbol}", D(5000)))
    t.lose_book(f"{MAIN}:SILENT")
    names = [f"{MAIN}:{one}" for one in ("GAZP", "DEAR", "BARRED", "GONE", "SILENT")]
    orders = ladder(t, *names, levels=["20"])
    assert not orders
    t.wait(31)
    assert [place.order.symbol for place in t.take(Place)] == ["GAZP"]
    note = next(note for note in t.notes("l") if note.startswith("left out"))
    for said in (
        "DEAR 300000 RUB buys no lot at 4000",
        "BARRED cannot be bought",
        "GONE is no longer listed",
        "SILENT has no price",
    ):
        assert said in note


def test_the_black_list_is_left_out() -> None:
    t = world(share(), bond(), GAZP="100", SU26238RMFS4="50")
    orders = ladder(t, GAZP, OFZ, without=[OFZ], levels=["10"])
    assert [o.symbol for o in orders] == ["GAZP"]


def test_one_that_the_venue_refuses_is_left_out_until_people_say_so() -> None:
    t = world()
    (order,) = ladder(t, levels=["15"])
    for _ in range(3):
        t.answer(order, Answer.REJECTED, "not allowed")
        t.wait(70, keep_books=True)
        again = t.take(Place)
        if again:
            order = again[0].order
    assert any("is left out: refused 3 times" in note for note in t.notes("l"))
    assert t.bot("l").phase == "stopped"


# ── living ──────────────────────────────────────────────────────────────────────────────────────


def opened(t: Trial, orders: list[PlaceOrder]) -> list[PlaceOrder]:
    return [t.opened(order) for order in orders]


def test_what_stands_is_not_pulled_when_the_book_is_stale_or_the_line_is_cut() -> None:
    t = world()
    opened(t, ladder(t))
    t.lose_book(GAZP)
    t.poke("l")
    t.wait(60)
    t.cut()
    t.wait(10)
    assert not t.take(Cancel)


def test_books_do_not_wake_it() -> None:
    t = world()
    opened(t, ladder(t))
    asked: list[Any] = []
    kind: Any = t.kinds["ladder"]

    def decide(view: Any) -> Any:
        asked.append(view)
        return type(kind).decide(kind, view)

    kind.decide = decide
    try:
        for bid in range(200, 210):
            t.book(bid, market=GAZP)
        assert not asked
        t.poke("l")
        assert len(asked) == 1
    finally:
        del kind.decide


def test_a_crash_half_way_places_each_order_once() -> None:
    t = world()
    orders = ladder(t)
    t.opened(orders[0])
    t.restart()
    t.hear(last(GAZP, D(500)))  # the base price stays
    for order in orders[1:]:
        t.found(order, State.OPEN)
    t.wait(5, keep_books=True)
    assert not t.take(Place)
    assert not t.take(Cancel)
    assert [o.trigger_price for o in t.e.desk.accounts[MAIN].orders.values()] == [
        o.trigger_price for o in orders
    ]


def test_a_fill_is_told_and_not_placed_again() -> None:
    t = world()
    orders = opened(t, ladder(t))
    t.fill(orders[0], 1400, price="212.80")
    t.wait(60, keep_books=True)
    assert not t.take(Place)
    assert any("bought 1400 at 212.8 on average" in note for note in t.notes("l"))


def test_refill_waits_until_the_price_has_come_back() -> None:
    t = world()
    orders = opened(t, ladder(t, levels=["15"], refill=True))
    t.hear(last(GAZP, D(210)))
    t.fill(orders[0], 1400)
    t.wait(20, keep_books=True)
    t.nothing_sent()
    t.hear(last(GAZP, D(213)))
    t.wait(6, keep_books=True)
    assert (t.placed().qty, t.state("l").rounds) == (D(1400), {"paper/main:GAZP 15": 1})


def test_it_ends_when_its_orders_have_expired() -> None:
    t = world()
    orders = opened(t, ladder(t, expires_min=10))
    t.wait(601, keep_books=True)
    for order in orders:
        if t.order(order).live:
            t.news(order, State.EXPIRED, version=9)
    t.wait(2, keep_books=True)
    assert t.bot("l").phase == "stopped"
    assert "0 of 3 orders have traded, 3 expired" in t.bot("l").why


def test_a_renewed_one_is_placed_again_for_another_term() -> None:
    t = world()
    orders = opened(t, ladder(t, expires_min=10, renew=True, levels=["15"]))
    t.wait(601, keep_books=True)
    if t.order(orders[0]).live:
        t.news(orders[0], State.EXPIRED, version=9)
    t.wait(2, keep_books=True)
    again = t.take(Place)[-1].order
    assert again.trigger_price == orders[0].trigger_price
    assert again.expires_ns > orders[0].expires_ns


def test_people_renew_it_by_a_word() -> None:
    t = world()
    (order,) = opened(t, ladder(t, expires_min=10, levels=["15"]))
    t.wait(300, keep_books=True)
    assert t.tell("l", "renew").ok
    assert t.state("l").until_ns == t.now_ns + 10 * MINUTE
    assert t.cancelled() == order.client_id
    t.news(order, State.CANCELLED, version=9)
    assert t.placed().expires_ns == t.now_ns + 10 * MINUTE


def test_levels_and_sums_are_amended_and_prices_reckoned_anew_on_a_word() -> None:
    t = world()
    orders = opened(t, ladder(t, levels=["15"]))
    t.hear(last(GAZP, D(500)))
    assert t.command("bot.amend", name="l", config={"levels": ["15", "30"]}).ok
    assert t.state("l").bases == {GAZP: D("250.37")}
    assert [o.order.trigger_price for o in t.take(Place)] == [D("175.25")]
    t.take(Cancel)
    t.tell("l", "reprice")
    assert t.state("l").bases == {GAZP: D(500)}
    assert orders[0].client_id in t.e.desk.accounts[MAIN].orders


def test_a_stop_takes_its_orders_away() -> None:
    t = world()
    orders = opened(t, ladder(t))
    t.command("bot.stop", name="l")
    assert {c.client_id for c in t.take(Cancel)} == {o.client_id for o in orders}
    for order in orders:
        t.news(order, State.CANCELLED, version=9)
    assert t.bot("l").why == "0 of 3 orders have traded"


def test_hundreds_of_rungs() -> None:
    names = [f"S{number:03d}" for number in range(150)]
    t = Trial(rules=TAKES, instruments=tuple(share(name="") if n == "GAZP" else perp(n) for n in names))
    for name in names:
        t.hear(last(f"{MAIN}:{name}", D(100)))
    orders = ladder(t, *(f"{MAIN}:{name}" for name in names), levels=["15", "20", "25", "30"])
    assert len({o.client_id for o in orders}) == 600
    assert len(t.bot("l").slots) == 600


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"money": "0"}, "above zero"),
        ({"levels": []}, "are per cent"),
        ({"levels": ["100"]}, "is no price"),
        ({"through": "1"}, "is a fraction"),
        ({"without": [GAZP]}, "0 orders"),
        ({"markets": [GAZP, OFZ], "price": "5"}, "for one market"),
    ],
)
def test_parameters_that_make_no_sense_are_refused(config: dict[str, Any], says: str) -> None:
    whole = {"markets": [GAZP], "money": "300000", **config}
    taken = world(share(), bond()).command("bot.add", name="l", kind="ladder", config=whole)
    assert not taken.ok
    assert says in taken.says
