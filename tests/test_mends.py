"""What demanding users found: each a thing that went wrong once, and what must hold instead."""

from __future__ import annotations

from decimal import Decimal as D

from builders import MAIN, NEAR, OTHER, PERP, Trial, pair_trial, perp, rest, target, wanting

from kedge.engine import look
from kedge.engine.engine import RiskBook
from kedge.model import records as r
from kedge.model.events import BalanceNews, Reported
from kedge.model.limits import Limits
from kedge.model.venue import AccountReport, Balance


def needs(t: Trial) -> tuple[str, ...]:
    return look.status(t.e, t.now_ns, 0, 0, 0).needs


def test_a_spot_position_is_closed_by_an_ordinary_order() -> None:
    """There is no reduce-only on spot: a hedge there could never be closed."""
    t = Trial(instruments=(perp(), perp("BTC-USD", kind="spot")))
    spot = f"{MAIN}:BTC-USD"
    t.book(market=spot)
    t.play("b", wanting(rest("buy", 60000, "0.05", market=spot)), markets=(spot,))
    t.fill(t.opened(t.placed()), "0.05")
    t.play("c", wanting(rest("sell", 60000, "0.05", market=spot, reduce_only=True)), markets=(spot,))
    assert not t.placed().reduce_only


def test_what_must_be_evened_out_goes_in_several_orders() -> None:
    """A limit on one order's size must not leave a leg open for ever."""
    t = pair_trial(limits=RiskBook(bot=Limits(order_notional_max=D(3000))))
    t.play("b", wanting(target("0.12", market=NEAR)), markets=(NEAR,))
    sizes = []
    for _ in range(3):
        near = t.placed()
        sizes.append(near.qty)
        t.fill(near, near.qty, account=OTHER)
    assert all(size * 60500 <= 3030 for size in sizes)
    assert sum(sizes) < D("0.16")


def test_evening_out_stays_inside_the_collar() -> None:
    t = pair_trial(limits=RiskBook(accounts={OTHER: Limits(collar=D("0.001"))}))
    t.play("b", wanting(target("0.1", market=NEAR, slip=D("0.01"))), markets=(NEAR,))
    ask = t.e.market(NEAR).asks[0].price
    assert t.placed().price <= ask * D("1.001")


def test_a_leg_that_cannot_be_evened_out_alarms() -> None:
    t = pair_trial(limits=RiskBook(accounts={OTHER: Limits(exposure_notional_max=D(1000))}))
    t.play("b", wanting(target("0.1", market=NEAR)), markets=(NEAR,))
    t.nothing_sent()
    assert any("cannot be evened out" in said for said in needs(t))


def test_what_alarmed_is_forgotten_when_it_is_over() -> None:
    t = pair_trial(limits=RiskBook(accounts={OTHER: Limits(exposure_notional_max=D(1000))}))
    t.play("b", wanting(target("0.1", market=NEAR)), markets=(NEAR,))
    assert needs(t)
    t.command("bot.kill", name="b")
    assert not any("cannot be evened out" in said for said in needs(t))
    t.command("desk.kill", why="drill")
    assert any("kill switch is on" in said for said in needs(t))
    t.command("desk.revive")
    assert not any("kill switch" in said for said in needs(t))


def test_a_history_that_the_venue_has_clipped_is_told_and_gone_on_from() -> None:
    """Away for longer than the venue remembers: the desk must become ready, and say what it cannot know."""
    t = Trial()
    t.cut()
    t.e.links[MAIN].up = t.e.links[MAIN].asking = True
    empty = AccountReport(t.now_ns, (), (), (), (), (), t.instruments[MAIN], "7", clipped=True)
    t.hear(Reported(MAIN, empty))
    assert t.e.links[MAIN].ready
    assert any("no longer keeps all fills" in said for said in t.alarms())


def test_balances_are_as_new_as_the_stream() -> None:
    t = Trial()
    t.hear(BalanceNews(MAIN, (Balance("USD", D(5), D(5)),)))
    account = look.status(t.e, t.now_ns, 0, 0, 0).accounts[0]
    assert account.balances == {"USD": D(5)}


def test_an_ordinary_balancing_fill_is_no_late_fill() -> None:
    t = Trial()
    t.play("b", wanting(target("0.1")))
    near = t.placed()
    t.command("bot.stop", name="b")
    t.fill(near, "0.1")
    assert not [n for n in t.records(r.Noted) if "late fill" in n.text]
    assert PERP in t.bot("b").why
