"""Bars and trades on their way to bots: asked for once, kept within bounds, never told twice or backwards."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

from builders import MAIN, PERP, SECOND, START, Puppet, PuppetConfig, Trial

from kedge.engine import keyframe, look
from kedge.engine.bot import MarketFeed
from kedge.engine.effects import Retry, Watch
from kedge.engine.engine import RiskBook
from kedge.engine.step import BARS_KEPT, TRADES_KEPT
from kedge.model.events import BarsSeen, LinkDown, TradesSeen
from kedge.model.venue import Bar, Feed, Trade

MINUTE = 60 * SECOND


class Listener(Puppet):
    kind = "listener"

    def feeds(self, config: PuppetConfig) -> tuple[MarketFeed, ...]:
        return (MarketFeed(PERP, "bars", MINUTE), MarketFeed(PERP, "trades"))


class Stray(Puppet):
    kind = "stray"

    def feeds(self, config: PuppetConfig) -> tuple[MarketFeed, ...]:
        return (MarketFeed("paper/main:ELSE", "trades"),)


def bar(minute: int, close: int = 60000) -> Bar:
    price = D(close)
    return Bar(START + minute * MINUTE, price, price, price, price, D(1))


def trade(number: int) -> Trade:
    return Trade(str(number), "buy", D(60000), D(1), START + number)


def trial() -> tuple[Trial, Listener]:
    listener = Listener()
    t = Trial(kinds={"listener": listener, "stray": Stray()})
    t.add("ears", "listener")
    return t, listener


def watches(t: Trial) -> list[Watch]:
    return [effect for effect in t.effects if isinstance(effect, Watch)]


def test_feeds_are_asked_for_once_for_all_bots_and_given_up_with_the_last() -> None:
    t, _ = trial()
    wanted = (Feed("BTC-PERP", "bars", MINUTE), Feed("BTC-PERP", "trades"))
    assert watches(t)[-1] == Watch(MAIN, ("BTC-PERP",), wanted)
    count = len(watches(t))
    t.add("second", "listener")
    assert len(watches(t)) == count
    for name in ("ears", "second"):
        t.command("bot.kill", name=name)
        t.command("bot.rm", name=name)
    assert watches(t)[-1] == Watch(MAIN, (), ())


def test_they_are_asked_for_again_after_a_cut() -> None:
    t, _ = trial()
    before = watches(t)[-1]
    t.effects.clear()
    t.cut()
    t.connect()
    assert watches(t) == [before]


def last_view(listener: Listener) -> Any:
    return listener.seen[-1]


def test_bars_wake_the_bot_and_are_never_taken_twice_or_backwards() -> None:
    t, listener = trial()
    t.hear(BarsSeen(PERP, MINUTE, (bar(1), bar(2))))
    assert last_view(listener).bars(PERP, MINUTE) == (bar(1), bar(2))
    looked = len(listener.seen)
    t.hear(BarsSeen(PERP, MINUTE, (bar(2, close=1),)))
    assert len(listener.seen) == looked
    t.hear(BarsSeen(PERP, MINUTE, (bar(1), bar(3))))
    assert last_view(listener).bars(PERP, MINUTE) == (bar(1), bar(2), bar(3))
    assert last_view(listener).bars(PERP, 2 * MINUTE) == ()


def test_what_is_kept_is_bounded() -> None:
    t, listener = trial()
    t.hear(BarsSeen(PERP, MINUTE, tuple(bar(n) for n in range(BARS_KEPT + 5))))
    t.hear(TradesSeen(PERP, tuple(trade(n) for n in range(TRADES_KEPT + 5))))
    view = last_view(listener)
    assert len(view.bars(PERP, MINUTE)) == BARS_KEPT
    assert view.bars(PERP, MINUTE)[-1] == bar(BARS_KEPT + 4)
    assert view.trades(PERP)[0] == trade(5)
    assert len(view.trades(PERP)) == TRADES_KEPT


def test_a_keyframe_holds_them() -> None:
    t, _ = trial()
    t.hear(BarsSeen(PERP, MINUTE, (bar(1),)))
    t.hear(TradesSeen(PERP, (trade(1),)))
    again = keyframe.restore(keyframe.take(t.e), t.kinds, RiskBook(), "tests")
    assert again.market(PERP).bars == {MINUTE: [bar(1)]}
    assert again.market(PERP).trades == [trade(1)]
    again.resubscribe()
    assert not again.out.effects


def test_a_feed_of_a_market_that_is_not_watched_is_refused() -> None:
    t, _ = trial()
    taken = t.command("bot.add", name="lost", kind="stray", config={})
    assert "wants to hear paper/main:ELSE, which it does not watch" in taken.says


def test_a_bot_sees_why_a_market_cannot_be_traded_on() -> None:
    t, listener = trial()
    assert last_view(listener).market(PERP).why == ""
    t.lose_book(why="a gap")
    assert last_view(listener).market(PERP).why == "a gap"
    t.cut(why="the key was refused")
    view = last_view(listener).market(PERP)
    assert (view.fresh, view.why) == (False, "the key was refused")


def test_what_waiting_cannot_mend_is_an_alarm_with_the_mend_and_a_person_has_it_tried_again() -> None:
    t, _ = trial()
    t.hear(LinkDown(MAIN, "the key has expired", stopped=True))
    needs = look.status(t.e, t.now_ns, START, 1, 1).needs
    says = f"{MAIN} is not ready: the key has expired; not tried again; mended? kedge reconnect {MAIN}"
    assert says in needs
    assert any("not tried again until `kedge reconnect paper/main`" in alarm[2] for alarm in t.e.alarms)
    t.effects.clear()
    assert t.command("account.reconnect", account=MAIN).says == "trying paper/main now"
    assert t.effects == [Retry(MAIN)]
    t.connect()
    assert t.command("account.reconnect", account=MAIN).says == "paper/main is connected already"
    assert not t.command("account.reconnect", account="else/where").ok
