"""Tasks in a trader's words: which bot they become, what is left out and why, and what is refused."""

from __future__ import annotations

from decimal import Decimal as D
from typing import Any

import msgspec
import pytest
from builders import SECOND, START, Trial
from moex_floor import MOEX, PAPER, floor, share

from kedge.engine.commands import preview
from kedge.model import records as r
from kedge.model.instrument import Session
from kedge.model.looks import Preview
from kedge.model.records import CommandTaken

BOND = "SU26238RMFS4"


def config(t: Trial, name: str) -> dict[str, Any]:
    found: dict[str, Any] = msgspec.json.decode(t.bot(name).config)
    return found


def given(t: Trial, verb: str, **args: Any) -> CommandTaken:
    """The command, after its preview said the same."""
    seen = preview(t.e, verb, msgspec.json.encode(args))
    ok, says = seen.ok, seen.says
    before = len(t.entries)
    taken = t.command(verb, **args)
    assert taken.ok == ok
    assert says in taken.says
    if not ok:
        kinds = [type(record).__name__ for _, record in t.entries[before:]]
        assert kinds == ["CommandTaken"], "what is refused does nothing"
    return taken


# ── one market ──────────────────────────────────────────────────────────────────────────────────


def test_sell_and_buy_become_pegs() -> None:
    t = floor()
    taken = given(t, "task.sell", ticker="sber", sum="300000")
    assert taken.says == (
        "sell-sber-1 is running: sell tinvest/main:SBER for 300000 at the best ask, about 1190"
    )
    assert config(t, "sell-sber-1") == {"market": f"{MOEX}:SBER", "side": "sell", "money": "300000"}
    given(t, "task.buy", ticker="GAZP", qty="100", limit="249.5", name="mine")
    assert config(t, "mine") == {"market": f"{MOEX}:GAZP", "side": "buy", "qty": "100", "limit": "249.5"}
    given(t, "task.buy", ticker="SBER", qty=10)
    assert [row.name for row in t.e.desk.bots.values()] == ["sell-sber-1", "mine", "buy-sber-3"]
    t.check()


def test_what_is_no_whole_lot_is_said() -> None:
    t = floor()
    assert (
        "buy 105 of tinvest/main:SBER at the best bid; 5 of it is no whole lot"
        in given(t, "task.buy", ticker="SBER", qty="105").says
    )
    # A bond's price is per cent of its nominal: 250 % of 1000, and 10000 is four of them less a little.
    assert "about 3" in given(t, "task.buy", ticker=BOND, sum="10000").says


def test_the_same_command_twice_is_one_task() -> None:
    t = floor()
    first = t.command("task.buy", "key-1", ticker="SBER", qty="10")
    again = t.command("task.buy", "key-1", ticker="SBER", qty="10")
    assert first.says == again.says
    assert list(t.e.desk.bots) == ["buy-sber-1"]
    t.restart()
    t.command("task.buy", "key-1", ticker="SBER", qty="10")
    assert list(t.e.desk.bots) == ["buy-sber-1"]


@pytest.mark.parametrize(
    ("verb", "args", "says"),
    [
        ("task.sell", {"ticker": "SBER"}, "say either for how much (SBER 300000) or how many (100 SBER)"),
        ("task.sell", {"ticker": "SBER", "sum": "1", "qty": "1"}, "say either for how much"),
        ("task.buy", {"ticker": "SBRE", "qty": "1"}, "no account lists SBRE; did you mean SBER?"),
        ("task.buy", {"ticker": "QQQQ", "qty": "1"}, "no account lists QQQQ"),
        ("task.buy", {"ticker": "", "qty": "1"}, "say which ticker"),
        ("task.buy", {"ticker": "AFKS", "qty": "100"}, f"AFKS is listed at several: {MOEX}:AFKS@TQBR"),
        ("task.buy", {"ticker": "YNDX", "qty": "1"}, f"{MOEX}:YNDX is no longer listed"),
        ("task.buy", {"ticker": "bybit/x:SBER", "qty": "1"}, "there is no account `bybit/x`"),
        (
            "task.buy",
            {"ticker": f"{MOEX}:SBRE", "qty": "1"},
            f"{MOEX} does not list SBRE; did you mean SBER?",
        ),
        ("task.buy", {"ticker": "SBER", "qty": "x"}, "`qty` must be a number"),
        ("task.buy", {"ticker": "SBER", "qty": "-5"}, "say either for how much"),
        ("task.buy", {"ticker": "SBER", "qty": "5"}, "5 is less than a lot of SBER, which is 10"),
        ("task.sell", {"ticker": "SBER", "sum": "2500"}, "2500 is less than a lot of SBER: 2500.05 RUB"),
        ("task.dump", {"ticker": "SBER"}, f"nothing is held in {MOEX}:SBER"),
        ("task.nuke", {"ticker": "SBER", "sum": "3"}, "Sum is too small: 3 for 4 orders"),
        (
            "task.nuke",
            {"ticker": "SBER", "sum": "9000"},
            "Sum is too small: 2250 an order, and a lot of SBER",
        ),
        ("task.nuke", {"ticker": "SBER", "sum": "90000", "levels": "5,101"}, "101 % is no level"),
        ("task.nuke", {"ticker": "SBER", "sum": "90000", "expires": "soon"}, "'soon' is no time"),
        ("task.stops", {}, "the whitelist is empty"),
        (
            "task.stops",
            {"tickers": "VTBR"},
            "nothing is left to place orders for; left out: VTBR (cannot be bought)",
        ),
        ("task.stops", {"tickers": "SBER", "sum": "-1"}, "the sum must be above zero"),
        ("task.shorts", {"tickers": "SBER", "levels": "0"}, "0 % is no level to sell above the price"),
    ],
)
def test_mistakes_are_sentences(verb: str, args: dict[str, Any], says: str) -> None:
    t = floor()
    taken = given(t, verb, **args)
    assert says in taken.says, taken.says
    assert not taken.ok


def test_a_ticker_may_name_its_account_or_its_board() -> None:
    t = floor(paper=(share("SBER"),))
    taken = given(t, "task.buy", ticker="SBER", qty="10")
    assert taken.says == f"SBER is listed at several: {MOEX}:SBER, {PAPER}:SBER; say which"
    assert given(t, "task.buy", ticker=f"{PAPER}:sber", qty="10").ok
    assert given(t, "task.buy", ticker="afks@tqbr", qty="100").ok
    assert config(t, "buy-afks-tqbr-2")["market"] == f"{MOEX}:AFKS@TQBR"


def test_dump_trades_what_all_together_hold() -> None:
    t = floor()
    t.command("task.buy", ticker="SBER", qty="30", name="b")
    t.fill(t.opened(t.placed()), 30, account=MOEX)
    taken = given(t, "task.dump", ticker="sber")
    assert "sell 30 of tinvest/main:SBER at the best ask; held by b 30" in taken.says
    assert config(t, "dump-sber-2") == {"market": f"{MOEX}:SBER", "side": "sell", "qty": "30"}


# ── spreads ─────────────────────────────────────────────────────────────────────────────────────


def test_a_spread_from_two_tickers() -> None:
    t = floor()
    taken = given(t, "task.spread", far="srz6", near="sber", price="120.55", qty="5")
    assert (
        "sell 5 of tinvest/main:SRZ6 and buy tinvest/main:SBER while the spread is above 120.55" in taken.says
    )
    assert config(t, "spread-srz6-sber-1") == {
        "far": f"{MOEX}:SRZ6",
        "near": f"{MOEX}:SBER",
        "side": "sell",
        "price": "120.55",
        "qty": "5",
    }
    assert not given(t, "task.spread", far="SRZ6", near="GAZP", price="1", qty="5").ok  # of another asset
    given(t, "task.spread", far="SRZ6", near="LKOH", price="-1.5", qty="5", ratio="10", side="buy", name="x")
    assert config(t, "x")["ratio"] == "10"


# ── many levels ─────────────────────────────────────────────────────────────────────────────────


def test_stops_are_the_whitelist_less_the_blacklist() -> None:
    t = floor()
    t.command("list.set", name="whitelist", items=f"sber, gazp vtbr lkoh afks@tqbr {BOND} nosuch YNDX")
    t.command("list.set", name="stop-blacklist", items="LKOH")
    taken = given(t, "task.stops")
    assert taken.says == (
        "stops-1 is running: 12 orders to buy 15, 20, 25 % below the price, 300000 each, for 120 min:"
        f" SBER, GAZP, AFKS@TQBR, {BOND}; left out: VTBR (cannot be bought), NOSUCH (no account lists NOSUCH)"
        ", YNDX (no longer listed); on stop-blacklist: LKOH"
    )
    stops = config(t, "stops-1")
    assert stops["money"] == "300000"
    assert stops["markets"] == [f"{MOEX}:{one}" for one in ("SBER", "GAZP", "AFKS@TQBR", BOND)]
    assert "beside stops-1, whose orders stand already" in given(t, "task.stops").says


def test_shorts_leave_out_what_cannot_be_sold_short() -> None:
    t = floor()
    t.command("list.set", name="whitelist", items="SBER GAZP LKOH")
    t.command("list.set", name="short-blacklist", items="lkoh")
    t.command("list.set", name="shorts-levels", items="30;40")
    t.command("list.set", name="stops-sum", items="50000")
    t.command("list.set", name="stops-expiry", items="none")
    taken = given(t, "task.shorts")
    assert (
        "2 orders to sell 30, 40 % above the price, 50000 each, until they are cancelled: SBER" in taken.says
    )
    assert "left out: GAZP (cannot be sold short)" in taken.says
    assert "on short-blacklist: LKOH" in taken.says
    shorts = config(t, "shorts-1")
    assert (shorts["side"], shorts["levels"], shorts["expires_min"]) == ("sell", ["30", "40"], 0)


def test_named_tickers_go_before_the_lists() -> None:
    t = floor()
    t.command("list.set", name="stop-blacklist", items="LKOH")
    taken = given(
        t, "task.stops", tickers="lkoh,SBER", sum="100000", levels="10%,12.5", expires="8h", name="s"
    )
    assert "4 orders to buy 10, 12.5 % below the price, 100000 each, for 480 min: LKOH, SBER" in taken.says


def test_a_nuke_parts_its_sum_among_four_levels() -> None:
    t = floor()
    taken = given(t, "task.nuke", ticker="SBER", sum="400001")
    assert (
        "4 orders to buy tinvest/main:SBER 0, 1, 5, 7 % below the price, 100000 each, for 120 min"
        in taken.says
    )
    t.wait(1)
    sent = list(t.asked.values())
    assert [(one.trigger_price, one.qty) for one in sent] == [
        (D("250"), D(390)),
        (D("247.5"), D(400)),
        (D("237.5"), D(420)),
        (D("232.5"), D(430)),
    ]


# ── running tasks ───────────────────────────────────────────────────────────────────────────────


def test_amount_and_price_of_a_running_task_are_amended() -> None:
    t = floor()
    t.command("task.sell", ticker="SBER", sum="300000", name="s")
    assert t.command("task.amend", name="s", qty="500", price="251").ok
    assert (config(t, "s")["qty"], config(t, "s")["limit"], config(t, "s")["money"]) == ("500", "251", "0")
    t.command("task.spread", far="SRZ6", near="SBER", price="120", qty="5", name="x")
    assert t.command("task.amend", name="x", price="-3.5").ok
    assert config(t, "x")["price"] == "-3.5"
    t.command("task.stops", tickers="SBER", name="l")
    assert t.command("task.amend", name="l", sum="1000", levels="5,6").ok
    assert (config(t, "l")["money"], config(t, "l")["levels"]) == ("1000", ["5", "6"])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ({"name": "y", "qty": "1"}, "there is no task `y`"),
        ({"name": "s"}, "say what changes: qty, price, sum or levels"),
        ({"name": "s", "sum": "5"}, "a peg has no sum to change"),
        ({"name": "s", "levels": "x"}, "'x' is no level"),
    ],
)
def test_what_cannot_be_amended_is_said(args: dict[str, Any], says: str) -> None:
    t = floor()
    t.command("task.sell", ticker="SBER", qty="100", name="s")
    taken = t.command("task.amend", **args)
    assert not taken.ok
    assert says in taken.says
    t.command("bot.kill", name="s")
    assert "start another task" in t.command("task.amend", name="s", qty="5").says


def test_stop_stops_every_task_or_those_of_a_kind() -> None:
    t = floor()
    assert t.command("task.stop").says == "no task is at work"
    t.command("task.sell", ticker="SBER", qty="100", name="s")
    t.command("task.spread", far="SRZ6", near="SBER", price="900000", qty="5", name="x")
    assert t.command("task.stop", kind="spread").says == "stopping x; each ends when it is balanced"
    assert [row.phase for row in t.e.desk.bots.values()] == ["running", "stopped"]
    t.command("task.stop")
    t.wait(5)
    assert t.bot("s").phase in ("stopping", "stopped")


def test_a_preview_does_nothing() -> None:
    t = floor()
    before = len(t.entries)
    seen = preview(t.e, "task.buy", b'{"ticker":"SBER","qty":"10"}')
    assert (seen.ok, seen.says) == (True, "buy 10 of tinvest/main:SBER at the best bid")
    config = {"market": "tinvest/main:SBER", "side": "buy", "qty": "10"}
    assert (seen.kind, seen.config) == ("peg", config), "what it would make"
    assert preview(t.e, "desk.kill", b"{}") == Preview(False, "desk.kill cannot be shown before it is given")
    assert not preview(t.e, "task.buy", b"{").ok
    t.cut(MOEX)
    t.command("desk.kill")
    before = len(t.entries)
    seen = preview(t.e, "task.buy", b'{"ticker":"SBER","qty":"10"}')
    assert seen.ok
    assert "tinvest/main is not ready: the line was cut; the kill switch is on" in seen.says
    assert len(t.entries) == before
    t.check()


def test_a_preview_says_when_it_will_trade() -> None:
    t = floor(sessions=(Session(START + 3600 * SECOND, START + 7200 * SECOND),))
    seen = preview(t.e, "task.buy", b'{"ticker":"SBER","qty":"10"}')
    assert seen.ok
    assert "tinvest/main:SBER is not in session; it opens at 2025-10-14 10:00 UTC" in seen.says


# ── lists ───────────────────────────────────────────────────────────────────────────────────────


def test_lists_are_set_added_to_and_dropped_from() -> None:
    t = floor()
    assert t.command("list.set", name="whitelist", items="sber gazp").says == "whitelist: SBER, GAZP"
    assert t.command("list.add", name="whitelist", items="lkoh,SBER").says == "whitelist: SBER, GAZP, LKOH"
    assert t.command("list.add", name="whitelist", items="LKOH").says == "whitelist has LKOH already"
    assert t.command("list.drop", name="whitelist", items="gazp").says == "whitelist: SBER, LKOH"
    assert t.command("list.drop", name="whitelist", items="gazp").says == "whitelist does not have GAZP"
    assert t.command("list.add", name="stops-levels", items="30").says == "stops-levels: 15, 20, 25, 30"
    t.restart()
    assert t.e.desk.lists["whitelist"].items == ("SBER", "LKOH")
    assert t.e.desk.lists["whitelist"].set_by
    assert t.command("list.set", name="whitelist").says == "whitelist: empty"
    assert "whitelist" not in t.e.desk.lists
    assert len(t.records(r.ListSet)) == 5
    t.check()


@pytest.mark.parametrize(
    ("name", "items", "says"),
    [
        ("stops-levels", "", "give 1 to 20 levels"),
        ("stops-levels", "15 x", "'x' is no level; write per cents like 15, 20, 25"),
        ("stops-levels", "100", "100 % is no level: it must be less than 100"),
        ("stops-levels", "-5", "'-5' is no level: it is below zero"),
        ("shorts-levels", "0", "0 % is no level to sell above the price"),
        ("stops-sum", "1 2", "stops-sum is one sum of money, like 300000"),
        ("stops-sum", "-1", "stops-sum is one sum"),
        ("stops-expiry", "tomorrow", "stops-expiry is one time, like 120m, 8h or 7d, or the word none"),
        ("stops-expiry", "0m", "stops-expiry is one time"),
        ("Whitelist", "SBER", "is no name for a list"),
        ("a b", "x", "is no name for a list"),
        ("own", "x" * 65, "cannot be in a list: 64 letters at most"),
        ("own", "\u202ex", "cannot be in a list"),
        ("own", " ".join(f"t{n}" for n in range(1001)), "own would have 1001 items; 1000 is the most"),
    ],
)
def test_lists_check_what_they_hold(name: str, items: str, says: str) -> None:
    taken = floor().command("list.set", name=name, items=items)
    assert not taken.ok
    assert says in taken.says, taken.says


def test_doubts_about_a_list_are_said_and_it_is_kept() -> None:
    t = floor()
    taken = t.command("list.set", name="whitelist", items="SBER AFKS NOSUCH")
    assert taken.says == "whitelist: SBER, AFKS, NOSUCH; not clear to any account now: AFKS, NOSUCH"
    assert "did you mean stops-levels?" in t.command("list.set", name="stop-levels", items="5").says


def test_there_is_a_bound_to_lists() -> None:
    t = floor()
    for number in range(200):
        assert t.command("list.set", name=f"mine-{number}", items="x").ok
    taken = t.command("list.set", name="one-more", items="x")
    assert taken.says == "there are 200 lists already; empty one first"
    assert t.command("list.set", name="mine-3", items="y").ok
