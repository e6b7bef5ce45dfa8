"""The bot on the how-to page is taken from the page, run, and shaken."""

from __future__ import annotations

import re
import sys
import types
from decimal import Decimal as D
from typing import Any

import pytest
from builders import PERP, Trial
from hypothesis import given, settings
from hypothesis import strategies as st
from pages import ROOT

from kedge.engine.effects import Cancel, Lookup, Place
from kedge.engine.step import next_ns
from kedge.model.order import State
from kedge.model.venue import Answer

PAGE = ROOT / "docs" / "how-to" / "write-a-bot.md"
CONFIG = {"market": PERP, "top": "59900", "step": "100", "qty": "0.01", "steps": 3}


def page_module() -> types.ModuleType:
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(blocks) == 1, "the page has one complete bot"
    module = types.ModuleType("my_module")
    sys.modules["my_module"] = module
    exec(compile(blocks[0], str(PAGE), "exec"), module.__dict__)
    return module


LADDER = page_module().Ladder


def ladder(**config: Any) -> Trial:
    t = Trial(kinds={"ladder": LADDER()})
    t.add("l", "ladder", **{**CONFIG, **config})
    return t


def test_the_ladder_buys_below_and_sells_each_step_higher() -> None:
    t = ladder()
    orders = [t.opened(p.order) for p in t.take(Place)]
    assert [(o.side, o.price, o.qty) for o in orders] == [
        ("buy", D(59900), D("0.01")),
        ("buy", D(59800), D("0.01")),
        ("buy", D(59700), D("0.01")),
    ]
    t.fill(orders[0], "0.01")
    sell = t.opened(t.placed())
    assert (sell.side, sell.price, sell.qty) == ("sell", D(60000), D("0.01"))
    t.fill(sell, "0.01")
    assert t.placed().side == "buy"
    assert t.notes("l") == ["1 rounds, 0.01 sold"]
    assert t.state("l").rounds == 1


def test_stopping_it_sells_what_it_holds_first() -> None:
    t = ladder()
    orders = [t.opened(p.order) for p in t.take(Place)]
    t.fill(orders[0], "0.01")
    t.fill(orders[1], "0.004")
    sell = t.opened(t.placed())
    t.command("bot.stop", name="l")
    t.news(orders[1], State.CANCELLED, cum="0.004", version=9)
    t.news(orders[2], State.CANCELLED, version=9)
    part = t.opened(t.placed())
    assert (part.price, part.qty) == (D(59900), D("0.004"))
    assert t.bot("l").phase == "stopping"
    t.fill(sell, "0.01")
    t.fill(part, "0.004")
    assert (t.bot("l").phase, t.bot("l").why) == ("stopped", "")


@pytest.mark.parametrize(
    "config", [{"qty": "0"}, {"step": "-1"}, {"top": "100"}, {"steps": 0}, {"steps": 21}]
)
def test_it_refuses_what_makes_no_sense(config: dict[str, Any]) -> None:
    t = Trial(kinds={"ladder": LADDER()})
    assert not t.command("bot.add", name="l", kind="ladder", config={**CONFIG, **config}).ok


THINGS = st.lists(
    st.tuples(
        st.sampled_from(
            ["open", "silent", "refused", "fill", "part", "wait", "book", "restart", "cut", "end"]
        ),
        st.integers(0, 9),
    ),
    max_size=25,
)


@settings(max_examples=40)
@given(THINGS)
def test_a_light_storm(things: list[tuple[str, int]]) -> None:
    """Whatever happens, no step ever holds more than it was to buy, and nobody is parked."""
    t = ladder()
    for what, pick in things:
        live = [o for o in t.e.desk.account("paper/main").orders.values() if o.live]
        order = t.asked[live[pick % len(live)].client_id] if live else None
        if order is not None and what == "open":
            t.opened(order)
        elif order is not None and what == "silent":
            t.answer(order, Answer.UNKNOWN)
        elif order is not None and what == "refused" and not t.order(order).venue_id:
            t.answer(order, Answer.REJECTED, "no")
        elif order is not None and what in ("fill", "part"):
            left = t.order(order).qty - t.order(order).filled
            t.fill(order, left if what == "fill" else min(left, D("0.003")))
        elif order is not None and what == "end":
            t.news(order, State.CANCELLED, cum=t.order(order).filled, version=t.now_ns)
        elif what == "wait":
            t.wait(pick, keep_books=pick % 2 == 0)
        elif what == "book":
            t.book(59500 + pick * 100)
        elif what == "restart":
            t.restart(gone_s=pick)
        elif what == "cut":
            t.cut()
            t.connect()
        t.take(Lookup)
        t.take(Cancel)
        for number in range(3):
            slot = t.bot("l").slots.get(f"step-{number}")
            assert slot is None or 0 <= slot.tally.net <= D("0.01")
    assert t.bot("l").phase == "running"
    assert next_ns(t.e) is not None
    t.check()
