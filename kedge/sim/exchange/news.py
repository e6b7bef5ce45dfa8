"""What is merely marked as changed during a step becomes happenings here: balances, positions, books.

Ten changes of one level between two `take`s are one line of news.
"""

from __future__ import annotations

from kedge.model.venue import Level
from kedge.sim.exchange.floor import Floor, Market
from kedge.sim.exchange.money import balances
from kedge.sim.exchange.nouns import BalancesChanged, BookChanged, BookView, PositionChanged


def flush(floor: Floor) -> None:
    memory = floor.memory
    for name in memory.changed_balances:
        floor.say(BalancesChanged(name, balances(floor, memory.accounts[name])))
    memory.changed_balances.clear()
    for name, symbols in memory.changed_positions.items():
        positions = memory.accounts[name].positions
        for symbol in symbols:
            report = floor.position_report(floor.markets[symbol], positions[symbol])
            floor.say(PositionChanged(name, report))
    memory.changed_positions.clear()
    for market in floor.markets.values():
        if market.state.changed_bids or market.state.changed_asks:
            floor.say(_book_changed(floor, market))


def _book_changed(floor: Floor, market: Market) -> BookChanged:
    state = market.state
    state.book_seq += 1
    sides: list[tuple[Level, ...]] = []
    for side in (market.bids, market.asks):
        keys = sorted(side.changed, reverse=True)
        sides.append(tuple(Level(key * side.sign * market.tick, side.qty_at(key)) for key in keys))
        side.changed.clear()
    return BookChanged(market.symbol, state.book_seq, sides[0], sides[1], floor.memory.now_ns)


def view_book(floor: Floor, market: Market, depth: int) -> BookView:
    tick = market.tick
    bids = tuple(Level(ticks * tick, qty) for ticks, qty in market.bids.levels(depth))
    asks = tuple(Level(ticks * tick, qty) for ticks, qty in market.asks.levels(depth))
    return BookView(market.symbol, market.state.book_seq, bids, asks, floor.memory.now_ns)
