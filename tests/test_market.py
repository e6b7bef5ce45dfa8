"""The synthetic market: alive, bounded, repeatable, and its instruments hang together."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal as D
from random import Random

import pytest

from kedge.model.venue import PlaceOrder
from kedge.sim.exchange import BookChanged, Exchange, MarkMoved, TradePrinted
from kedge.sim.market import CALM, JUMP, Market, MarketConfig
from kedge.sim.newcomer import future_symbol, market_for, newcomer, quarter_after

SECOND = 10**9
START = 1_763_600_000 * SECOND  # 2025-11-20
STEP = 200_000_000
FUTURE = "BTC-26DEC25"


def begin(seed: int = 1) -> tuple[Exchange, Market, MarketConfig]:
    config = newcomer(START)
    exchange = Exchange(config.exchange, START)
    return exchange, Market(exchange, config, Random(seed), START), config


def run(market: Market, steps: int, now_ns: int = START) -> int:
    for _ in range(steps):
        now_ns += STEP
        market.step(now_ns)
    return now_ns


def test_a_newcomer_finds_two_sided_books_and_trades() -> None:
    exchange, market, config = begin()
    run(market, 100)
    traded = {h.symbol for h in exchange.take() if isinstance(h, TradePrinted)}
    for listing in config.listings:
        book = exchange.book(listing.symbol)
        instrument = exchange.instrument(listing.symbol)
        assert len(book.bids) >= 5
        assert len(book.asks) >= 5
        assert book.bids[0].price < book.asks[0].price
        for level in book.bids + book.asks:
            assert level.price % instrument.tick == 0
            assert level.qty % instrument.qty_step == 0
        assert listing.symbol in traded
    assert exchange.faults() == []


def test_the_same_seed_gives_the_same_market() -> None:
    one, other = begin(7), begin(7)
    run(one[1], 50)
    run(other[1], 50)
    assert one[0].dump() == other[0].dump()
    third = begin(8)
    run(third[1], 50)
    assert third[0].dump() != one[0].dump()


def test_instruments_hang_together() -> None:
    exchange, market, _ = begin()
    now = run(market, 200)
    spot = exchange.market("BTC-USD").mark
    for symbol in ("BTC-PERP", "BTC-INV"):
        report = exchange.market(symbol)
        assert abs(report.mark / spot - 1) < D("0.003")
        assert abs(report.index / spot - 1) < D("0.0001")
    years = D(exchange.instrument(FUTURE).expires_ns - now) / SECOND / (365 * 24 * 3600)
    basis = exchange.market(FUTURE).mark / spot - 1
    assert abs(basis - years * D("0.06")) < D("0.0001")


def test_the_basis_runs_out_and_the_future_is_delivered() -> None:
    exchange, market, _ = begin()
    run(market, 5)
    exchange.transfer("me", "USD", D(100_000), exchange.now_ns)
    exchange.place("me", PlaceOrder("m", FUTURE, "buy", D("0.1"), D(0), "market"), exchange.now_ns)
    assert exchange.positions("me")[0].qty == D("0.1")
    expires = exchange.instrument(FUTURE).expires_ns
    market.step(expires - 60 * SECOND)
    report = exchange.market(FUTURE)
    assert abs(report.mark - report.index) <= D("0.2")
    market.step(expires + SECOND)
    assert exchange.market(FUTURE).status == "closed"
    assert exchange.positions("me") == ()
    assert exchange.fills("me").items[-1].kind == "delivery"
    market.step(expires + 2 * SECOND)
    assert exchange.faults() == []


def test_funding_keeps_the_perpetual_near() -> None:
    exchange, market, _ = begin(3)
    exchange.transfer("me", "USD", D(100_000), START)
    run(market, 5)
    exchange.place("me", PlaceOrder("m", "BTC-PERP", "buy", D("0.1"), D(0), "market"), exchange.now_ns)
    now = START
    for _ in range(40):
        now += 1000 * SECOND
        market.step(now)
        report = exchange.market("BTC-PERP")
        assert abs(report.mark / report.index - 1) < D("0.003")
    paid = [c for c in exchange.cash("me").items if c.kind == "funding"]
    assert len(paid) == 1
    assert paid[0].amount != 0
    assert exchange.faults() == []


def test_a_pushed_price_is_followed_at_once_and_fills_what_stands_in_the_way() -> None:
    exchange, market, _ = begin()
    run(market, 5)
    now = exchange.now_ns
    exchange.transfer("me", "USD", D(100_000), now)
    assert exchange.place("me", PlaceOrder("low", "BTC-PERP", "buy", D("0.01"), D(56_000)), now).ok
    assert exchange.place(
        "me",
        PlaceOrder("stop", "BTC-PERP", "sell", D("0.01"), D(0), "stop", trigger_price=D(57_000)),
        now,
    ).ok
    market.move("BTC-PERP", D(55_000))
    assert exchange.order("me", "low").state == "filled"  # type: ignore[union-attr]
    assert exchange.order("me", "stop").state == "filled"  # type: ignore[union-attr]
    book = exchange.book("BTC-PERP")
    assert abs(book.bids[0].price - 55_000) < 60
    assert abs(exchange.market("BTC-USD").last / 55_000 - 1) < D("0.001"), "spot has printed there too"
    assert abs(exchange.market("BTC-USD").mark / 55_000 - 1) < D("0.001")
    assert abs(exchange.market("ETH-PERP").mark / 3000 - 1) < D("0.02"), "another coin stays"
    assert exchange.faults() == []


def test_regimes_change_how_it_wanders() -> None:
    spread: dict[str, D] = {}
    for name in ("calm", "jump"):
        exchange, market, _ = begin(5)
        market.set_regime("BTC", name, lasts_s=1000.0)
        run(market, 50)
        assert market.regime("BTC") == name
        book = exchange.book("BTC-USD")
        spread[name] = book.asks[0].price - book.bids[0].price
    assert spread["jump"] > 2 * spread["calm"]
    assert JUMP.volatility > CALM.volatility


def test_regimes_take_turns() -> None:
    _, market, _ = begin(2)
    seen = set()
    now = START
    for _ in range(400):
        now += 20 * SECOND
        market.step(now)
        seen.add(market.regime("BTC"))
    assert sorted(seen) == ["calm", "jump", "trend"]


def test_a_step_is_bounded_however_late_it_comes() -> None:
    exchange, market, config = begin()
    run(market, 3)
    exchange.take()
    market.step(START + 3600 * SECOND)
    happened = exchange.take()
    assert len([h for h in happened if isinstance(h, BookChanged)]) <= len(config.listings)
    assert len([h for h in happened if isinstance(h, MarkMoved)]) <= len(config.listings)
    assert market.next_ns() == START + 3600 * SECOND + STEP


def test_a_halted_market_is_left_alone() -> None:
    exchange, market, _ = begin()
    now = run(market, 5)
    exchange.halt("BTC-PERP", True, now)
    before = exchange.book("BTC-PERP")
    run(market, 5, now)
    assert exchange.book("BTC-PERP").bids == before.bids
    exchange.halt("BTC-PERP", False, now)


def test_a_market_goes_on_from_a_loaded_exchange() -> None:
    exchange, market, _ = begin()
    now = run(market, 20)
    market.move("BTC-USD", D(70_000))
    loaded = Exchange.load(exchange.dump())
    again = Market(loaded, market_for(loaded.config), Random(99), now)
    run(again, 5, now)
    assert abs(loaded.market("BTC-PERP").mark / 70_000 - 1) < D("0.01")
    assert loaded.faults() == []


def test_the_makers_books_do_not_grow() -> None:
    exchange, market, config = begin(4)
    now = START
    for _ in range(300):
        now += STEP
        market.step(now)
        exchange.take()
    for listing in config.listings:
        orders = exchange.open_orders(f"_maker-{listing.symbol}")
        assert len(orders) <= 2 * listing.levels * 6
    truth = exchange.truth()
    assert all(not a.fills for n, a in truth.accounts.items() if n.startswith("_"))
    assert len(exchange.dump()) < 200_000


@pytest.mark.parametrize(
    ("day", "symbol"),
    [
        ("2025-11-20", "BTC-26DEC25"),
        ("2025-12-13", "BTC-27MAR26"),
        ("2025-12-31", "BTC-27MAR26"),
        ("2026-05-01", "BTC-26JUN26"),
        ("2026-09-20", "BTC-25DEC26"),
    ],
)
def test_quarters_end_on_their_last_friday(day: str, symbol: str) -> None:
    now = int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * SECOND
    expires = quarter_after(now)
    assert future_symbol("BTC", expires) == symbol
    assert datetime.fromtimestamp(expires // SECOND, UTC).strftime("%A %H") == "Friday 08"
