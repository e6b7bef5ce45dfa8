"""The six limits at three places, each with its sentence; and the worst case that they are measured with."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import msgspec
import pytest
from builders import MAIN, NEAR, OTHER, PERP, SECOND, START, Trial, pair_trial, rest, target, up_to, wanting

from kedge.engine.effects import Amend, Place
from kedge.engine.engine import RiskBook
from kedge.engine.limits import worst_case
from kedge.model import records as r
from kedge.model.limits import Limits, or_default
from kedge.model.order import State
from kedge.model.venue import Answer

DAY = 86_400 * SECOND
PLACES = {
    "desk limit": lambda limits: RiskBook(desk=limits),
    "limit of paper/main": lambda limits: RiskBook(accounts={MAIN: limits}),
    "bot limit": lambda limits: RiskBook(bot=limits),
}


def refused(t: Trial, bot: str = "b") -> str:
    """Why the bot's one want was refused; it is in the journal and beside the slot."""
    t.nothing_sent()
    said = t.records(r.Refused)[-1].reason
    assert t.held(bot) == said
    return said


# ── each limit, with its sentence ───────────────────────────────────────────────────────────────


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("limits", "want", "says"),
    [
        (
            Limits(order_qty_max=D("0.04")),
            rest("buy", 60000, "0.05"),
            "0.05 is more than the largest order of 0.04",
        ),
        (
            Limits(order_notional_max=D(1000)),
            rest("buy", 60000, "0.05"),
            "3000 USD is more than the largest order of 1000",
        ),
        (
            Limits(collar=D("0.01")),
            rest("buy", 61000, "0.05"),
            "price 61000 is outside the collar at 60600.505",
        ),
        (
            Limits(collar=D("0.01")),
            rest("sell", 59000, "0.05"),
            "price 59000 is outside the collar at 59400",
        ),
    ],
)
def test_one_order(place: str, limits: Limits, want: Any, says: str) -> None:
    t = Trial(limits=PLACES[place](limits))
    t.play("b", wanting(want))
    assert refused(t) == f"{place}: {says}"


def test_a_protective_stop_is_measured_against_its_trigger() -> None:
    """A stop far from the touch is its whole point; a limit far from its trigger is the mistake."""
    t = Trial(limits=RiskBook(desk=Limits(collar=D("0.01"))))
    stop = {"kind": "stop_limit", "trigger_price": D(50000)}
    t.play("b", wanting(rest("sell", 49900, "0.05", **stop)))
    assert t.placed().price == D(49900)
    t.play("c", wanting(rest("sell", 49000, "0.05", **stop)))
    assert "outside the collar at 49500" in refused(t, "c")


@pytest.mark.parametrize(
    ("book", "who"),
    [
        (RiskBook(desk=Limits(exposure_notional_max=D(1000))), "desk"),
        (RiskBook(accounts={MAIN: Limits(exposure_notional_max=D(1000))}), MAIN),
        (RiskBook(bots={"b": Limits(exposure_notional_max=D(1000))}), "b"),
    ],
)
def test_exposure(book: RiskBook, who: str) -> None:
    t = Trial(limits=book)
    t.play("b", wanting(rest("buy", 60000, "0.05")))
    assert refused(t) == f"worst case of {who} would be 3000 USD, over its limit of 1000"


@pytest.mark.parametrize("place", PLACES)
def test_orders_per_minute(place: str) -> None:
    t = Trial(limits=PLACES[place](Limits(orders_per_minute=2)))
    t.play("b", wanting(*(rest("buy", 59000 + n, "0.001", slot=f"s{n}") for n in range(3))))
    assert len(t.take(Place)) == 2
    assert t.held("b", "s2") == f"{place}: 2 orders in a minute have been sent already"
    t.wait(61, keep_books=True)
    assert len(t.take(Place)) == 1


@pytest.mark.parametrize("place", PLACES)
def test_daily_loss(place: str) -> None:
    t = Trial(limits=PLACES[place](Limits(daily_loss_max=D(50))))
    t.play("b", up_to("buy", 60000, "0.05"))
    t.fill(t.opened(t.placed()), "0.05", price=60000)
    t.book(58999.5)
    t.play("b", up_to("buy", 58999.5, "0.10"))
    assert refused(t) == f"{place}: the day's result of -50.0125 USD has reached the loss limit"


def test_a_days_loss_is_measured_on_what_the_limit_is_about() -> None:
    """The loss of one bot on one account holds up neither other bots nor other accounts; the desk's does."""
    limits = Limits(daily_loss_max=D(50))

    def loser_of(book: RiskBook) -> Trial:
        t = pair_trial(limits=book)
        t.play("loser", wanting(target("0.05", role="risk")))
        t.fill(t.opened(t.placed()), "0.05", price=60000)
        t.play("loser", wanting(target("0", role="risk")))
        t.fill(t.opened(t.placed()), "0.05", price=58000)
        t.take(Place)
        t.play("other", wanting(rest("buy", 59990, "0.01")))
        return t

    t = loser_of(RiskBook(bot=limits))
    t.placed()
    t.play("loser", wanting(rest("buy", 59980, "0.01")))
    assert refused(t, "loser") == "bot limit: the day's result of -100 USD has reached the loss limit"
    t = loser_of(RiskBook(accounts={MAIN: limits, OTHER: limits}))
    assert "limit of paper/main: the day's result of -100 USD" in refused(t, "other")
    t.play("far", wanting(rest("buy", 59990, "0.01", market=NEAR)), markets=(NEAR,))
    t.placed()
    t.restart()
    t.play("other", wanting(rest("buy", 59990, "0.01")))
    assert "limit of paper/main" in t.held("other"), "it is remembered over a restart"
    t = loser_of(RiskBook(desk=limits))
    assert "desk limit: the day's result of -100 USD" in refused(t, "other")


# ── the edges of each ───────────────────────────────────────────────────────────────────────────


def test_what_is_exactly_at_a_limit_passes() -> None:
    limits = Limits(D("0.05"), D(3000), D(3000), D("0.01"), 1)
    t = Trial(limits=RiskBook(limits, {MAIN: limits}, limits))
    t.play("b", wanting(rest("buy", 60000, "0.05")))
    t.placed()


def test_an_order_must_pass_all_three() -> None:
    loose, tight = Limits(order_qty_max=D(1)), Limits(order_qty_max=D("0.01"))
    t = Trial(limits=RiskBook(desk=loose, accounts={MAIN: loose}, bots={"b": tight}))
    t.play("b", wanting(rest("buy", 60000, "0.05")))
    assert "bot limit" in refused(t)
    t.play("c", wanting(rest("buy", 60000, "0.05")))
    t.placed()


def test_orders_in_flight_count_as_if_all_of_them_filled() -> None:
    t = Trial(limits=RiskBook(desk=Limits(exposure_notional_max=D(3000))))
    t.play("b", wanting(rest("buy", 60000, "0.03")))
    first = t.placed()
    t.answer(first, Answer.UNKNOWN)
    t.play("c", wanting(rest("buy", 60000, "0.03")))
    assert "worst case of desk would be 3600 USD" in refused(t, "c")
    assert worst_case(t.e, PERP, "buy") == D("0.03")


def test_a_position_may_always_shrink() -> None:
    t = Trial(limits=RiskBook(desk=Limits(exposure_notional_max=D(3000))))
    t.play("b", up_to("buy", 60000, "0.05"))
    t.fill(t.opened(t.placed()), "0.05")
    t.book(70000)
    t.play("b", wanting(rest("sell", 70010, "0.05")))
    t.placed()


def test_a_bots_own_exposure_is_bounded_though_the_account_only_shrinks() -> None:
    """Another bot is long: for the account a short of this one is a relief, for the bot it is risk."""
    t = Trial(limits=RiskBook(bots={"short": Limits(exposure_notional_max=D(600))}))
    t.play("long", up_to("buy", 60000, "0.05"))
    t.fill(t.opened(t.placed()), "0.05")
    t.play("short", wanting(rest("sell", 60010, "0.02")))
    assert "worst case of short would be 1200.2 USD, over its limit of 600" in refused(t, "short")
    t.play("short", wanting(rest("sell", "60000.5", "0.009")))
    t.placed()


def test_exposure_sums_the_markets_of_an_account_and_of_the_desk() -> None:
    t = pair_trial(limits=RiskBook(desk=Limits(exposure_notional_max=D(5000))))
    t.play("b", up_to("buy", 60000, "0.05"))
    t.fill(t.opened(t.placed()), "0.05")
    t.play("c", wanting(rest("buy", 60000, "0.05", market=NEAR)), markets=(NEAR,))
    assert "worst case of desk would be 6000" in refused(t, "c")
    t.limits = RiskBook(accounts={OTHER: Limits(exposure_notional_max=D(5000))})
    t.e.limits = t.limits
    t.book(60001, market=NEAR)
    t.placed()


def test_balance_is_not_held_back_by_pace_or_by_the_days_loss() -> None:
    t = Trial(limits=RiskBook(desk=Limits(orders_per_minute=1, daily_loss_max=D(1))))
    t.play("b", up_to("buy", 60000, "0.05"))
    t.fill(t.opened(t.placed()), "0.05")
    t.book(59000)
    t.play("c", wanting(target("0.01")))
    t.placed()


def test_an_amended_price_is_no_new_order_but_must_keep_the_collar() -> None:
    t = Trial(limits=RiskBook(desk=Limits(orders_per_minute=1, collar=D("0.01"))))
    t.play("b", wanting(rest("buy", 59990, "0.05")))
    place = t.opened(t.placed())
    t.play("b", wanting(rest("buy", 59991, "0.05")))
    assert len(t.take(Amend)) == 1
    t.answer(place, Answer.DONE, request="amend")
    t.play("b", wanting(rest("buy", 61000, "0.05")))
    assert t.cancelled() == place.client_id, "it may not stand there, and here it is not wanted any more"


def test_the_pace_is_counted_over_a_restart() -> None:
    t = Trial(limits=RiskBook(desk=Limits(orders_per_minute=1)))
    t.play("b", wanting(rest("buy", 59990, "0.01", slot="one")))
    t.opened(t.placed())
    t.restart(gone_s=5)
    t.play("b", wanting(rest("buy", 59990, "0.01", slot="one"), rest("buy", 59980, "0.01", slot="two")))
    assert t.held("b", "two") == "desk limit: 1 orders in a minute have been sent already"


def test_the_pace_of_the_desk_is_shared_by_its_bots() -> None:
    t = Trial(limits=RiskBook(desk=Limits(orders_per_minute=2)))
    for name in ("a", "b", "c"):
        t.play(name, wanting(rest("buy", 59990, "0.01")))
    assert len(t.take(Place)) == 2
    assert t.held("c") == "desk limit: 2 orders in a minute have been sent already"


def test_a_new_day_begins_with_the_clock_and_not_with_its_first_fill() -> None:
    """After the day's loss nothing may fill; so nothing but the clock can end the day."""
    t = Trial(
        limits=RiskBook(desk=Limits(daily_loss_max=D(50))), now_ns=START // DAY * DAY + 23 * 3600 * SECOND
    )
    t.play("b", wanting(target("0.05", role="risk")))
    t.fill(t.opened(t.placed()), "0.05", price=60000)
    t.play("b", wanting(target("0", role="risk")))
    t.fill(t.opened(t.placed()), "0.05", price=58000)
    t.play("b", wanting(rest("buy", 60000, "0.01")))
    t.wait(1)
    assert "the day's result of -100 USD" in refused(t)
    t.wait(3600)
    t.book(60001)
    t.placed()


def test_the_same_refusal_is_written_once_a_minute_and_counted_always() -> None:
    t = Trial(limits=RiskBook(desk=Limits(order_qty_max=D("0.01"))))
    t.play("b", wanting(rest("buy", 60000, "0.05")))
    for n in range(50):
        t.wait("0.1")
        t.book(60000 + n)
    assert len(t.records(r.Refused)) == 1
    assert t.e.counts["refusals"] >= 50
    t.wait(60, keep_books=True)
    t.book(60100)
    assert len(t.records(r.Refused)) == 2


def test_the_kill_switch_is_a_refusal_with_its_sentence() -> None:
    t = Trial()
    t.command("desk.kill")
    t.play("b", wanting(target("0.01")))
    assert refused(t) == "the kill switch is on"


def test_open_sums_are_right_after_any_end_of_an_order() -> None:
    t = Trial()
    for end in (State.CANCELLED, State.EXPIRED, State.REJECTED, State.FILLED):
        t.play(f"b{end}", wanting(rest("buy", 59990, "0.01")))
        place = t.opened(t.placed())
        t.play(f"b{end}", wanting())
        t.news(place, end, cum="0.01" if end is State.FILLED else 0, version=9)
        if end is State.FILLED:
            t.fill(place, "0.01")
        sums = t.e.desk.open[PERP]
        assert (sums.buy, sums.sell) == (0, 0), end


# ── the numbers themselves ──────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b'{"collar":"1"}', "is a fraction of the price"),
        (b'{"order_qty_max":"-1"}', "must not be negative"),
        (b'{"daily_loss_max":"NaN"}', "must be a finite number"),
        (b'{"order_notional_max":"1e15"}', "out of range"),
        (b'{"orders_per_minute":-1}', "must not be negative"),
        (b'{"order_size":"1"}', "order_size"),
    ],
)
def test_limits_that_make_no_sense_are_refused(body: bytes, says: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=says):
        msgspec.json.decode(body, type=Limits)


def test_zero_is_no_limit() -> None:
    assert not Limits()
    assert Limits(orders_per_minute=1)
    t = Trial(limits=RiskBook())
    t.play("b", wanting(rest("buy", 60000, 1000)))
    t.placed()


def test_an_own_number_goes_before_the_default() -> None:
    mixed = or_default(Limits(order_qty_max=D(1)), Limits(order_qty_max=D(5), orders_per_minute=9))
    assert mixed == Limits(order_qty_max=D(1), orders_per_minute=9)


def test_only_the_last_minutes_orders_are_remembered() -> None:
    t = Trial()
    t.add("b", "puppet")
    for _ in range(50):
        t.e.count_sent(MAIN, "b", t.now_ns)
        t.now_ns += 10 * SECOND
    for kept in (t.e.sent_ns, t.e.links[MAIN].sent_ns, t.e.bots["b"].sent_ns):
        assert len(kept) == 6
