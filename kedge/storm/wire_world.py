"""A world of real protocols: Bybit on one side, Binance on the other, and everything else as in every storm.

Which market of each venue is traded is drawn: linear or spot at Bybit, futures or spot at Binance. Half-open
lines are noticed by heartbeats of twenty seconds here, not of one, so such a world settles and rests longer.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from msgspec.structs import replace

from kedge.engine.state import Desk
from kedge.model.instrument import Instrument
from kedge.model.numbers import ZERO, text
from kedge.model.venue import Fill
from kedge.runtime.cell import Cell
from kedge.sim.exchange import Reply
from kedge.sim.loop import Process
from kedge.storm.checks import Witness
from kedge.storm.crowd import MAKERS, PLENTY, TAKERS, Crowd
from kedge.storm.door import Pier
from kedge.storm.people import Markets
from kedge.storm.plan import SECOND_NS, Plan, Spans
from kedge.storm.ports import BINANCE, BYBIT
from kedge.storm.wire_harbour import WireHarbour, venue_of
from kedge.storm.wire_weather import KINDS
from kedge.storm.world import PRICE, World
from kedge.venues.venue import Venue

SPANS = Spans(
    storm_ns=20 * SECOND_NS,
    settle_ns=30 * SECOND_NS,
    close_ns=20 * SECOND_NS,
    rest_ns=240 * SECOND_NS,
    turn_ns=500_000_000,
    calm_turn_ns=2 * SECOND_NS,
)


# So long a message that is believed may have been on its way: an adapter's bound, and clocks that differ.
LATEST_NS = 8 * SECOND_NS


class WireWorld(World):
    kinds = KINDS

    def __init__(self, plan: int | Plan, trace: bool = False) -> None:
        plan = Plan(plan, wire=True) if isinstance(plan, int) else plan
        if plan.spans == Spans():
            plan = replace(plan, spans=SPANS)
        super().__init__(plan, trace)

    def _harbours(self) -> Mapping[str, Pier]:
        ports = (self.tape.pick("wire.bybit", BYBIT), self.tape.pick("wire.binance", BINANCE))
        self.markets = Markets(*(f"{port.name}/main:{port.view.name}" for port in ports))
        return {port.name: WireHarbour(port, self.loop, self.tape, self.swarm, self.marks) for port in ports}

    def _crowd(self, harbour: Pier) -> Crowd:
        assert isinstance(harbour, WireHarbour)
        _admit_crowd(harbour)
        port = harbour.port
        crowd = Crowd(harbour.exchange.inner, port.view.symbol, self.tape, port.price)

        def reborn() -> None:
            _admit_crowd(harbour)
            crowd.move_to(harbour.exchange.inner)

        harbour.reborn = reborn
        return crowd

    def _witness(self) -> Witness:
        witness = WireWitness(self.disk, self.harbours, self.marks)
        instruments = [harbour.exchange.instruments()[0] for harbour in self.harbours.values()]
        witness.least = max(_least(instrument) for instrument in instruments)
        return witness

    def _venues(self, process: Process, life: int) -> dict[str, Venue]:
        return {
            f"{name}/main": venue_of(harbour, process, life)
            for name, harbour in self.harbours.items()
            if isinstance(harbour, WireHarbour)
        }

    def begin(self) -> None:
        for harbour in self.harbours.values():
            assert isinstance(harbour, WireHarbour)
            harbour.begin_storm()
            harbour.tick()
        super().begin()


def _least(instrument: Instrument) -> Decimal:
    """What the venue would not take as an order: a leg may be uneven by less than that."""
    return max(instrument.min_qty, instrument.min_notional / PRICE) + instrument.qty_step


def _admit_crowd(harbour: WireHarbour) -> None:
    """Makers and takers have accounts; a venue that died before it wrote them down has to be told again."""
    exchange = harbour.exchange.inner
    instrument = exchange.instrument(harbour.port.view.symbol)
    for other in (MAKERS, TAKERS):
        if exchange.has_account(other):
            continue
        exchange.open_account(other, house=True)
        for asset in (instrument.settle, instrument.base):
            exchange.transfer(other, asset, PLENTY, harbour.now_ns())


class WireWitness(Witness):
    """The same checks; fills are compared by what they are, for their ids are written in the venue's way."""

    def _fills_booked_once(self, harbour: Pier, account: str) -> None:
        booked: dict[tuple[object, ...], int] = {}
        for (name, exec_id), found in self.fold.fills.items():
            if name != account:
                continue
            if len(found) != 1:
                self.broken("3 fills once", f"fill {exec_id} was booked {len(found)} times")
            key = _what(found[0].fill)
            booked[key] = booked.get(key, 0) + 1
        for fill in harbour.exchange.fills(account).items:
            key = _what(fill)
            booked[key] = booked.get(key, 0) - 1
        for key, left in booked.items():
            if left:
                says = "booked and never made" if left > 0 else "made and never booked"
                self.broken("3 fills once", f"{abs(left)} × {key} {says}")

    def cancelled(self, harbour: Pier, account: str, client_id: str, reply: Reply) -> None:
        """A venue may cancel by itself what an amend would have had cross."""
        self.read_journal()
        seen = self.fold.orders.get(client_id)
        if seen is None or not seen.amends:
            super().cancelled(harbour, account, client_id, reply)

    def turn(self, cell: Cell | None) -> None:
        super().turn(cell)
        if cell is not None and not cell.stopped:
            for harbour in self.harbours.values():
                assert isinstance(harbour, WireHarbour)
                self._book_is_true(harbour, cell)

    def _book_is_true(self, harbour: WireHarbour, cell: Cell) -> None:
        """A book that is called fresh shows what was the venue's best within its age and the way here."""
        engine, market = cell.engine, f"{harbour.account}:{harbour.port.view.name}"
        now = engine.markets.get(market)
        if now is None or not now.watchers or not engine.fresh(now) or not (now.bids and now.asks):
            return
        best = (now.bids[0].price, now.asks[0].price)
        since_ns = harbour.now_ns() - engine.links[harbour.account].rules.book_age_max_ns - LATEST_NS
        if best not in harbour.bests_since(since_ns):
            self.broken("13 true book", f"{market}: {best[0]} / {best[1]} is called fresh, and never was so")

    def _positions_agree(self, harbour: Pier, account: str, live: Desk) -> None:
        if harbour.exchange.instruments()[0].kind != "spot":
            super()._positions_agree(harbour, account, live)

    def at_rest(self, cell: Cell) -> None:
        for harbour in self.harbours.values():
            assert isinstance(harbour, WireHarbour)
            harbour.check_bans()
        super().at_rest(cell)


def _what(fill: Fill) -> tuple[object, ...]:
    fee = text(fill.fee.quantize(Decimal("1e-8"))) if fill.fee else text(ZERO)
    return (fill.client_id, fill.side, text(fill.qty), text(fill.price), fee, fill.fee_asset)
