"""The house of a testnet: what it lists, keeps, remembers over a kill, and lists anew when a quarter ends."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_testnet import SECOND, START_NS, SYMBOL, Extra, Toy, a_setup, an_order, asked

from kedge.model.numbers import is_multiple
from kedge.sim.testnet import listings
from kedge.sim.testnet.keys import ApiKey
from kedge.sim.testnet.rates import Sliding, Window
from kedge.sim.testnet.store import Store, StoreError

DAY = 24 * 3600 * SECOND


def place(toy: Toy, client_id: str, **more: str) -> int:
    return toy.http(asked("POST", "/order", an_order(client_id, **more))).status


# ── listings ────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("lists", [listings.bybit, listings.binance])
def test_what_is_listed_can_be_traded(lists: object) -> None:
    found = lists(START_NS)  # type: ignore[operator]
    symbols = [one.symbol for one in found.listed]
    assert len(symbols) == len(dict.fromkeys(symbols))
    for one in found.listed:
        instrument = one.instrument
        assert listings.outside(one.symbol) == (one.category, one.name)
        assert is_multiple(instrument.min_qty, instrument.qty_step)
        assert one.market_max_qty <= instrument.max_qty
        assert (one.contract == "quarter") == bool(instrument.expires_ns)
        assert bool(one.terms.funding_interval_ns) == (one.contract == "perpetual")
        assert one.instrument.settle in {asset for money in found.wallets.values() for asset in money}


def test_names_are_the_venues_own() -> None:
    names = [one.name for one in listings.bybit(START_NS).listed]
    assert names[-4:] == ["BTCUSDT-25DEC26", "BTCUSD", "ETHUSD", "BTCUSDZ26"]
    assert [one.name for one in listings.binance(START_NS).listed][-1] == "BTCUSDT_261225"


def test_one_name_is_two_books() -> None:
    toy = Toy(a_setup())
    spot, linear = toy.house.find("spot", "BTCUSDT"), toy.house.find("linear", "BTCUSDT")
    assert spot is not None
    assert linear is not None
    assert spot.symbol != linear.symbol
    assert toy.house.of(spot.symbol) is spot
    assert toy.house.find("spot", "DOGEUSDT") is None


@pytest.mark.parametrize("market", ["synthetic", "still"])
def test_every_instrument_has_a_market(market: str) -> None:
    now = [START_NS]
    toy = Toy(a_setup(lambda: now[0], market=market))
    for _ in range(40):
        now[0] += SECOND // 4
        toy.tick()
    for one in toy.house.listed():
        book = toy.house.exchange.book(one.symbol)
        assert book.bids, one.symbol
        assert book.asks, one.symbol
    assert toy.house.exchange.faults() == []


def test_a_market_of_nobody() -> None:
    toy = Toy(a_setup(market="none"))
    toy.tick()
    assert not any(toy.house.exchange.book(one.symbol).bids for one in toy.house.listed())
    assert toy.house.exchange.accounts() == ("main",)
    assert toy.house.bars.query(SYMBOL, "1m", START_NS, limit=5)[-1].close == 60_000


def test_coins_move_together_over_categories() -> None:
    toy = Toy(a_setup(market="synthetic"))
    toy.house.keeper.market.move(SYMBOL, Decimal(66_000), START_NS)
    marks = [toy.house.exchange.market(s).mark for s in ("spot:BTCUSDT", SYMBOL, "inverse:BTCUSD")]
    assert max(marks) - min(marks) < Decimal(200)


def test_the_next_quarter_is_listed_when_this_one_ends() -> None:
    now = [START_NS]
    toy = Toy(a_setup(lambda: now[0]))
    before = [one.name for one in toy.house.listed()]
    now[0] += 95 * DAY
    toy.tick()
    fresh = [one for one in toy.house.listed() if one.name not in before]
    assert [one.name for one in fresh] == ["BTCUSDT-26MAR27", "BTCUSDH27"]
    assert toy.house.exchange.book(fresh[0].symbol).bids
    assert toy.house.bars.query(fresh[0].symbol, "1m", now[0], limit=3)
    assert toy.house.exchange.market(f"linear:{before[6]}").status == "closed"


# ── memory ──────────────────────────────────────────────────────────────────────────────────────


def test_a_killed_venue_remembers_what_it_told(tmp_path: Path) -> None:
    path = str(tmp_path / "toy.db")
    now = [START_NS]
    store = Store(path)
    toy = Toy(a_setup(lambda: now[0], store))
    toy.house.add_key(ApiKey("k2", "s2", "hedge", trades=False, ips=("10.0.0.1",)))
    assert place(toy, "a") == 200
    assert place(toy, "b", side="sell", price="58000") == 200
    toy.house.settle()
    old = toy.house.exchange.truth()
    store.close()  # As a kill does: nothing is folded, nothing is said.
    now[0] += SECOND
    again = Toy(a_setup(lambda: now[0], state=path))
    assert again.house.keeper.restored
    assert again.house.keeper.birth == toy.house.keeper.birth
    mine = again.house.exchange.truth().accounts["main"]
    assert mine.fills == old.accounts["main"].fills
    assert mine.orders == old.accounts["main"].orders
    assert list(again.extras.items()) == list(toy.extras.items())
    assert again.house.own.words == toy.house.own.words
    assert again.house.keys["k2"] == ApiKey("k2", "s2", "hedge", trades=False, ips=("10.0.0.1",))
    assert again.house.account_of(asked("GET", "/", x_key="k2")) == "hedge"
    assert not again.house.keys["k2"].admits("127.0.0.1")
    again.house.close()


def test_what_follows_from_news_is_written_with_them(tmp_path: Path) -> None:
    """An order that is filled by others, in a tick: what the venue learns of it needs no second settling."""
    path = str(tmp_path / "toy.db")
    store = Store(path)
    toy = Toy(a_setup(store=store))
    place(toy, "rest", qty="0.01", price="59000")
    toy.house.keeper.market.move(SYMBOL, Decimal(58_000), START_NS)
    toy.house.settle()
    store.close()
    again = Toy(a_setup(state=path))
    assert again.house.own.words == {"rest": "filled"}
    again.house.close()


def test_a_venue_that_answers_itself_for_ever_is_stopped() -> None:
    toy = Toy(a_setup())
    count = iter(range(100_000))

    def again(news: object) -> None:
        toy.house.exchange.transfer("main", "USDT", Decimal(next(count) + 1), START_NS)

    toy.house.learners.append(again)
    toy.house.exchange.transfer("main", "USDT", Decimal(1), START_NS)
    with pytest.raises(AssertionError, match="for ever"):
        toy.house.settle()


def test_a_welcomed_account_is_given_money_once() -> None:
    toy = Toy(a_setup())
    toy.house.add_key(ApiKey("k2", "s2", "hedge"))
    toy.house.add_key(ApiKey("k3", "s3", "hedge"))
    cash = {b.asset: b.total for b in toy.house.exchange.balances("hedge")}
    assert cash["USDT"] == 100_000


def test_secrets_are_not_shown() -> None:
    assert "s2" not in repr(ApiKey("k2", "s2", "hedge"))


# ── drawers ─────────────────────────────────────────────────────────────────────────────────────


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 3)), max_size=40))
def test_a_drawer_on_disk_is_the_drawer(moves: list[tuple[str, int]]) -> None:
    """Whatever is put and dropped, in whatever batches: what a restart finds is what was there, in order."""
    store = Store("")
    toy = Toy(a_setup(store=store))
    drawer = toy.house.keeper.drawer("some", Extra, most=4)
    for key, what in moves:
        if what == 0:
            drawer.drop(key)
        elif what == 1:
            toy.house.settle()
        else:
            drawer.put(key, Extra(key, what))
    toy.house.settle()
    again = Toy(a_setup(store=store)).house.keeper.drawer("some", Extra, most=4)
    assert list(again.items()) == list(drawer.items())
    assert len(again) <= 4


def test_a_soft_drawer_waits_for_others() -> None:
    store = Store("")
    toy = Toy(a_setup(store=store))
    soft = toy.house.keeper.drawer("soft", Extra, soft=True)
    soft.put("a", Extra("x", 1))
    toy.house.settle()
    assert "soft" not in store.load().rows
    place(toy, "a")
    assert "a" in store.load().rows["soft"]


def test_a_drawer_of_another_version_is_refused_in_a_sentence() -> None:
    store = Store("")
    toy = Toy(a_setup(store=store))
    toy.house.keeper.drawer("odd", ApiKey).put("k", ApiKey("k", "s", "a"))
    toy.house.settle()
    with pytest.raises(StoreError, match="odd are not of this version"):
        Toy(a_setup(store=store)).house.keeper.drawer("odd", Extra)


# ── counting ────────────────────────────────────────────────────────────────────────────────────


def test_a_window_begins_at_the_full_minute() -> None:
    window = Window(10, 60 * SECOND)
    assert window.add(START_NS, 10)
    assert not window.add(START_NS + 1, 1)
    assert window.used(START_NS + 2) == 11
    window.give_back(START_NS + 2, 5)
    assert window.used(START_NS + 2) == 6
    assert window.reset_ns() % (60 * SECOND) == 0
    assert window.used(window.reset_ns()) == 0


@given(st.lists(st.integers(0, 3 * SECOND), max_size=60))
def test_no_stretch_holds_more_than_it_may(gaps: list[int]) -> None:
    sliding = Sliding(5, 5 * SECOND)
    now, taken = START_NS, []
    for gap in gaps:
        now += gap
        if sliding.add(now):
            taken.append(now)
            assert sum(t > now - 5 * SECOND for t in taken) <= 5
        else:
            assert sliding.left(now) == 0
            assert sliding.reset_ns(now) > now
