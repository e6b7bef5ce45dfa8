"""A recording is played as it was, except where our own orders were bigger than the market."""

from __future__ import annotations

from decimal import Decimal as D

import pytest
from exchange_kit import PERP, SECOND, Hand, make, terms

from kedge.model.venue import Level, PlaceOrder
from kedge.sim.exchange import Cautious, Exchange, ProRata, QueueModel, TradePrinted
from kedge.sim.exchange.liquidity import Maker
from kedge.sim.recorded import BadLine, Recorded, read_rows

LINES = """\
ts_ns,symbol,bid,bid_qty,ask,ask_qty,last,last_qty
# a quiet morning
1000,PERP,100,5,100.5,4

2000,PERP,100,4,100.5,4,100,1
3000,PERP,99.5,6,100,3,,
4000,PERP,99.5,6,100,2,100,1
"""


def begin(lines: str = LINES) -> tuple[Exchange, Recorded]:
    exchange = make(terms(PERP))
    return exchange, Recorded(exchange, lines.splitlines(), start_ns=SECOND)


def touch(exchange: Exchange) -> tuple[str, str]:
    book = exchange.book("PERP")
    return f"{book.bids[0].qty}@{book.bids[0].price}", f"{book.asks[0].qty}@{book.asks[0].price}"


def test_quotes_and_trades_come_at_their_times() -> None:
    exchange, played = begin()
    assert played.next_ns() == SECOND
    played.step(SECOND)
    assert touch(exchange) == ("5.00@100.0", "4.00@100.5")
    played.step(SECOND + 999)
    assert played.played == 1
    exchange.take()
    played.step(SECOND + 1000)
    assert touch(exchange) == ("4.00@100.0", "4.00@100.5")
    printed = [h for h in exchange.take() if isinstance(h, TradePrinted)]
    assert [(t.side, t.price, t.qty, t.venue_ns) for t in printed] == [("sell", D(100), D(1), SECOND + 1000)]
    played.step(10 * SECOND)
    assert touch(exchange) == ("6.00@99.5", "2.00@100.0")
    assert exchange.market("PERP").mark == D("99.75")
    assert played.finished
    assert played.next_ns() is None
    assert exchange.faults() == []


def test_our_order_in_the_way_takes_part() -> None:
    exchange, played = begin()
    played.step(SECOND)
    hand = Hand(exchange)
    hand.now_ns = SECOND
    hand.buy("alice", "inside", "0.4", 100)
    # The recorded trade of 1 meets the 4 that stand before alice; the touch going down meets her.
    played.step(SECOND + 1000)
    assert hand.state("alice", "inside") == ("open", 0)
    played.step(SECOND + 2000)
    assert hand.state("alice", "inside") == ("filled", D("0.4"))
    assert exchange.fills("alice").items[0].maker
    assert exchange.faults() == []


def test_a_trade_inside_the_spread_or_larger_than_the_touch_is_made() -> None:
    exchange, played = begin("1,PERP,100,1,102,1\n2,PERP,100,1,102,1,101,3\n3,PERP,100,1,102,1,102,4")
    played.step(SECOND)
    exchange.take()
    played.step(SECOND + 1)
    played.step(SECOND + 2)
    printed = [h for h in exchange.take() if isinstance(h, TradePrinted)]
    assert sum(t.qty for t in printed if t.price == 101) == 3
    assert sum(t.qty for t in printed if t.price == 102) == 4
    assert touch(exchange) == ("1.00@100.0", "1.00@102.0")


def test_crossed_lines_lay_no_quotes() -> None:
    exchange, played = begin("1,PERP,100,1,101,1\n2,PERP,103,1,102,1")
    played.step(SECOND + 5)
    assert played.crossed == 1
    assert touch(exchange) == ("1.00@100.0", "1.00@101.0")


def test_prices_off_the_tick_move_apart_and_dust_is_not_laid() -> None:
    exchange, played = begin("1,PERP,100.3,1.239,100.7,0.001")
    played.step(SECOND)
    assert exchange.book("PERP").bids == (Level(D(100), D("1.23")),)
    assert exchange.book("PERP").asks == ()


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("x,PERP,1,1,2,1", "'x' is not a time"),
        ("1,PERP,1,1,2", "5 fields"),
        ("1,PERP,1,1,2,1,2", "7 fields"),
        ("1,PERP,one,1,2,1", "'one' is not a number"),
        ("1,PERP,-1,1,2,1", "below zero"),
        ("1,PERP,NaN,1,2,1", "finite"),
        ("1,PERP,1,1,2," + "1" * 1000, "longer"),
        ("5,PERP,1,1,2,1\n4,PERP,1,1,2,1", "line 2: earlier"),
    ],
)
def test_broken_lines_are_named(line: str, says: str) -> None:
    with pytest.raises(BadLine, match=says):
        list(read_rows(line.splitlines()))


def test_an_unknown_instrument_is_named() -> None:
    _, played = begin("1,NONE,1,1,2,1")
    with pytest.raises(BadLine, match="NONE"):
        played.step(SECOND)


def test_an_empty_recording_is_finished() -> None:
    _, played = begin("")
    played.step(SECOND)
    assert played.finished


# ── where a queue shrinks ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("model", "ahead"),
    [(Cautious(), "4"), (ProRata(), "2.4"), (ProRata(2), "1.69")],
    ids=["cautious", "even", "square"],
)
def test_the_queue_model_decides_what_leaves_before_us(model: QueueModel, ahead: str) -> None:
    """4 before us, 6 behind; the level shrinks by 4."""
    exchange = make(terms(PERP))
    maker = Maker(exchange, "house", "PERP", model)
    maker.show((Level(D(100), D(4)),), (), 0)
    exchange.place("alice", PlaceOrder("a", "PERP", "buy", D(1), D(100)), 0)
    maker.show((Level(D(100), D(10)),), (), 0)
    maker.show((Level(D(100), D(6)),), (), 0)
    spot = exchange.queue("alice", "a")
    assert spot is not None
    if isinstance(model, ProRata) and ahead == "1.69":
        # 4² : 6² of the cut is before us, rounded down to the step.
        ahead = str(D(4) - D("1.23"))
    assert spot.ahead == D(ahead)
    assert spot.ahead + spot.behind == 6


def test_queue_models_stay_within_what_is_there() -> None:
    for model in (Cautious(), ProRata(), ProRata(3)):
        for ahead, behind, removed in ((4, 6, 10), (0, 6, 3), (4, 0, 3), (4, 1, 3), (0, 0, 0)):
            cut = model.cut_ahead(D(ahead), D(behind), D(removed))
            assert max(removed - behind, 0) <= cut <= min(ahead, removed)


def test_a_maker_puts_many_small_orders_together() -> None:
    exchange = make(terms(PERP))
    maker = Maker(exchange, "house", "PERP")
    for qty in range(1, 20):
        maker.show((Level(D(100), D(qty)),), (), 0)
        assert exchange.book("PERP").bids[0].qty == qty
    assert len(exchange.open_orders("house")) <= 6
