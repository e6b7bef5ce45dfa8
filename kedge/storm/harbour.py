"""A venue in a storm: the pure exchange, who is connected to it, and what it can be asked.

It outlives every engine. Whatever arrives here is shown to the checks first. Our side of it, with the wires
between, is `venue.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from kedge.model.venue import Ask, Fill, OrderReport, PlaceOrder, Rules
from kedge.sim.exchange import (
    AmendOrder,
    Exchange,
    FillMade,
    Happening,
    OrderChanged,
    Reply,
    StatusChanged,
)
from kedge.sim.loop import StormLoop
from kedge.sim.tape import Marks, Swarm, Tape
from kedge.storm.door import Door

if TYPE_CHECKING:
    from kedge.storm.venue import StormVenue

MS = 1_000_000
SECOND_NS = 1_000_000_000
PATIENCE_NS = 3 * SECOND_NS
BOOK_DEPTH = 5
# More requests than this in one second, and a real venue would ban us.
BAN_PER_SECOND = 60


class Harbour:
    """One venue: an exchange, who is connected to it, and what it can be asked."""

    def __init__(
        self, name: str, exchange: Exchange, rules: Rules, loop: StormLoop, tape: Tape, swarm: Swarm
    ) -> None:
        self.name = name
        self.exchange = exchange
        self.rules = rules
        self.loop = loop
        self.tape = tape
        self.swarm = swarm
        self.marks = Marks()
        self.clients: list[StormVenue] = []
        self.door: Door | None = None
        self.sent: Callable[[], int] = lambda: 0  # told of each order that leaves; how much slower it is
        self.down_until_ns = 0
        self.visible_ns: dict[str, int] = {}  # client or execution id -> when questions first show it
        self.asked: dict[str, list[int]] = {}
        self.banned: list[str] = []
        self.lookups: dict[str, int] = {}
        self.understated: dict[str, Decimal] = {}  # client ids whose end was told with too little
        self.burnt: dict[str, None] = {}  # client ids that were used up by an order which cannot live
        self._draw = tape.stream(f"{name}.net")

    # ── time ────────────────────────────────────────────────────────────────────────────────────

    def now_ns(self) -> int:
        return self.loop.wall_start_ns + self.loop.now_ns

    def wire_ns(self) -> int:
        return MS + self._draw(4 * MS)

    @property
    def down(self) -> bool:
        return self.loop.now_ns < self.down_until_ns

    # ── requests ────────────────────────────────────────────────────────────────────────────────

    def place(self, account: str, order: PlaceOrder) -> Reply:
        if self.rules.burns:  # nothing there knows of a last moment
            order = msgspec.structs.replace(order, valid_until_ns=0)
        reply = self.exchange.place(account, order, self.now_ns())
        if reply.ok and self.swarm.fires("lookup-lags"):
            self.visible_ns[order.client_id] = self.now_ns() + self._draw(self.rules.visibility_ns)
        if self.door is not None:
            self.door.placed(self, account, order, reply)
        self.tell()
        return reply

    def amend(self, account: str, change: AmendOrder) -> Reply:
        reply = self.exchange.amend(account, change, self.now_ns())
        if self.door is not None:
            self.door.amended(self, account, change, reply)
        self.tell()
        return reply

    def cancel(self, account: str, client_id: str, valid_until_ns: int) -> Reply:
        valid_until_ns = 0 if self.rules.burns else valid_until_ns
        reply = self.exchange.cancel(account, client_id, self.now_ns(), valid_until_ns=valid_until_ns)
        if self.door is not None:
            self.door.cancelled(self, account, client_id, reply)
        ended = reply.order
        if reply.ok and ended is not None and ended.cum_qty > 0 and self.swarm.fires("cum-understated"):
            # The venue's order desk has not heard of the last fills yet, and says so with conviction.
            self.understated[client_id] = ended.cum_qty
            self.visible_ns[f"cum:{client_id}"] = self.now_ns() + self._draw(self.rules.visibility_ns)
            reply = msgspec.structs.replace(reply, order=self.lie(ended))
        self.tell()
        return reply

    def cancel_all(self, account: str, symbol: str) -> int:
        """Everything, nobody's and everybody's; the stream tells what went."""
        gone = self.exchange.cancel_all(account, self.now_ns(), symbol)
        self.tell()
        return len(gone)

    def lie(self, report: OrderReport) -> OrderReport:
        """The report as the venue gives it while it does not know of an order's last fills."""
        if report.client_id not in self.understated or self._visible(f"cum:{report.client_id}"):
            return report
        return msgspec.structs.replace(report, cum_qty=Decimal(0))

    def count(self, account: str) -> None:
        """Every request of an account is counted; too many in a second is a ban, and a violation."""
        asked = self.asked.setdefault(account, [])
        asked.append(self.loop.now_ns)
        while asked[0] <= self.loop.now_ns - SECOND_NS:
            asked.pop(0)
        if len(asked) > BAN_PER_SECOND:
            self.banned.append(f"{account}: {len(asked)} requests in a second")

    # ── questions ───────────────────────────────────────────────────────────────────────────────

    def order(self, account: str, client_id: str) -> OrderReport | None:
        found = self.exchange.order(account, client_id)
        return self.lie(found) if found is not None and self._visible(client_id) else None

    def look(self, account: str, ask: Ask) -> tuple[OrderReport | None, bool, str]:
        """The order; whether its key is used up by one that cannot live; why that could not be done."""
        if ask.client_id in self.burnt:
            return None, True, ""
        found = self.order(account, ask.client_id)
        if found is not None or not ask.burn:
            return found, False, ""
        return self._burn(account, ask)

    def _burn(self, account: str, ask: Ask) -> tuple[OrderReport | None, bool, str]:
        """Post under the very same key what cannot live: at half the price, to be filled at once or not."""
        assert ask.placed is not None, "a key is burnt by whoever knows what was to be placed"
        instrument = self.exchange.instrument(ask.symbol)
        price = instrument.price_at_most(self.exchange.market(ask.symbol).mark / 2)
        order = PlaceOrder(self.burning(ask), ask.symbol, "buy", instrument.min_qty, price, tif="ioc")
        reply = self.exchange.place(account, order, self.now_ns())
        if reply.ok:
            self.burnt[ask.client_id] = None
            self.marks.sometimes("key-burnt")
            self.tell()
            return None, True, ""
        if reply.code in ("id_open", "id_used"):
            self.marks.sometimes("key-was-used")
            return None, False, ""  # the first was there, and is not shown yet
        self.tell()
        return None, False, reply.sentence

    def burning(self, ask: Ask) -> str:
        """The key that is burnt."""
        return ask.client_id

    def open_orders(self, account: str) -> list[OrderReport]:
        return [o for o in self.exchange.open_orders(account) if self._visible(o.client_id)]

    def fills(self, account: str, cursor: str) -> tuple[list[Fill], str]:
        """All pages since the cursor. One that is not visible yet ends the answer before it."""
        found: list[Fill] = []
        while True:
            page = self.exchange.fills(account, cursor, 20)
            for fill in page.items:
                if not self._visible(fill.exec_id):
                    return found, cursor
                found.append(fill)
            cursor = page.cursor
            if not page.more:
                return found, cursor

    def _visible(self, key: str) -> bool:
        until_ns = self.visible_ns.get(key)
        if until_ns is None:
            return True
        if self.now_ns() < until_ns:
            return False
        del self.visible_ns[key]
        return True

    # ── streams ─────────────────────────────────────────────────────────────────────────────────

    def tell(self) -> None:
        """Send what has happened to whoever listens."""
        happened = self.exchange.take()
        if not happened:
            return
        for happening in happened:
            if isinstance(happening, FillMade) and self.swarm.fires("lookup-lags"):
                self.visible_ns[happening.fill.exec_id] = self.now_ns() + self._draw(self.rules.visibility_ns)
            self._count(happening)
        if self.down:
            return
        for client in list(self.clients):
            client.told(happened)

    def _count(self, happening: Happening) -> None:
        """For the corpus: markets have closed, and orders have ended with the day."""
        if isinstance(happening, OrderChanged) and happening.order.reason.startswith("session:"):
            self.marks.sometimes("day-ended")
        elif isinstance(happening, StatusChanged) and self._rests(happening.symbol):
            self.marks.sometimes("session-closed")

    def _rests(self, symbol: str) -> bool:
        return self.exchange.instrument(symbol).rests(self.now_ns())

    def heal(self) -> None:
        self.down_until_ns = 0

    def turn(self) -> None:
        """The crowd has traded; the weather of this second is drawn."""
        for client in list(self.clients):
            if self.swarm.fires("link-cut"):
                client.cut("the connection was reset")
            elif self.swarm.fires("half-open"):
                client.half_open()
            if self.swarm.fires("book-gap"):
                client.lose_books("a gap in the book")
            if self.swarm.fires("book-silent"):
                client.silence_books(6 * SECOND_NS)
        if self.swarm.fires("venue-down"):
            self.down_until_ns = self.loop.now_ns + SECOND_NS + self._draw(8 * SECOND_NS)
            for client in list(self.clients):
                client.cut("the venue is restarting")
