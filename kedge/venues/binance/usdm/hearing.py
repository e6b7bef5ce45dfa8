"""What to make of the user stream: which events the engine is told, and what must be asked before it may be.

Three things make this more than translation, and all three are about never booking a fill wrongly:

* A fill is told twice, early without its fee (TRADE_LITE) and then in full. Only the full one is handed on;
  the early one starts a watch, because a fill that was announced and never told has been lost.
* An order of unknown owner may be a conditional order of ours that has triggered under another number. What
  is told of it is held back until that is known, since a fill is booked once and with one owner.
* Money moves (funding, transfers) are told without the number they are known by elsewhere, so they only lead
  to a question.

Pure: `hear` returns what to tell and what to ask, and the owner of the line does both.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from msgspec import Raw, Struct

from kedge.model.events import BalanceNews, Event, FillNews, OrderNews, Outgrown
from kedge.model.order import State
from kedge.model.venue import Balance, OrderReport
from kedge.venues.binance.errors import cut
from kedge.venues.binance.usdm import pushes
from kedge.venues.binance.usdm.memory import Known, Memory
from kedge.venues.binance.usdm.pushes import AlgoEvent, OrderPush, Pushed, TradeLite
from kedge.venues.binance.usdm.wire import ALGO_STATES, NS_PER_MS, Unreadable, exec_id

HELD_MOST = 2_000
SEEN_MOST = 20_000
AWAITED_MOST = 2_000

WantKind = Literal["links", "trades", "income", "mode"]


class Want(Struct, frozen=True):
    """What must be asked: whose orders of this symbol are, the fills of one order, moved money, the mode."""

    kind: WantKind
    symbol: str = ""
    order_id: int = 0


class Heard(Struct):
    events: list[Event]
    wants: list[Want]
    # Why the stream can no longer be believed, or "".
    broken: str = ""
    # An answer to our own heartbeat.
    echo: bool = False


class Hearing:
    def __init__(self, account: str, memory: Memory, leverage: dict[str, int]) -> None:
        self.account = account
        self.foreign = 0
        self._memory = memory
        self._leverage = leverage
        self._held: dict[str, list[OrderPush]] = {}
        # Fills told in full, and those announced that are still to come: when, and of which order.
        self._seen: dict[str, None] = {}
        self._awaited: dict[str, tuple[int, str, int]] = {}
        self._wallets: dict[str, Balance] = {}

    def begin(self) -> None:
        """A new connection: the report that follows tells what was held or awaited."""
        self._held.clear()
        self._awaited.clear()

    def hear(self, frame: bytes | Raw, now_ns: int) -> Heard:
        heard = Heard([], [])
        said = pushes.read_push(frame)
        if isinstance(said, Unreadable):
            # It may have been a fill: ask for everything again rather than guess.
            heard.broken = said.why
        elif isinstance(said, pushes.Foreign):
            self.foreign += 1
        elif isinstance(said, pushes.Echo):
            heard.echo = True
        else:
            self._take(said, now_ns, heard)
        return heard

    # ── orders and fills ────────────────────────────────────────────────────────────────────────

    def links_known(self, symbol: str, settled_ms: int) -> Heard:
        """All conditional orders of the symbol were looked through: tell what was held back for that, as far
        as it happened until `settled_ms`. What came later may yet turn out to be ours."""
        heard = Heard([], [])
        rest: list[OrderPush] = []
        for o in self._held.pop(symbol, []):
            owner = self._memory.learn_push(o)
            if owner is None and o.time > settled_ms:
                rest.append(o)
                continue
            if owner is None:
                # None that waits has this number, so it is somebody else's.
                self._memory.is_stranger(symbol, o.order_id, o.client_id)
                owner = o.client_id
            self._tell_order(o, owner, heard)
        if rest:
            self._held[symbol] = rest
        return heard

    @property
    def held_symbols(self) -> tuple[str, ...]:
        return tuple(self._held)

    def fills_told(self, exec_ids: list[str]) -> None:
        """These were told by another way."""
        for name in exec_ids:
            self._note_fill(name)

    def is_news(self, exec_id: str) -> bool:
        return exec_id not in self._seen

    def awaits(self, symbol: str, order_id: int) -> bool:
        """Whether a fill of this order was announced and is still to come."""
        return any((s, i) == (symbol, order_id) for _, s, i in self._awaited.values())

    def overdue(self, now_ns: int, patience_ns: int) -> tuple[Want, ...]:
        """Orders of which a fill was announced so long ago that it must have been lost."""
        late = [(s, i) for since, s, i in self._awaited.values() if now_ns - since > patience_ns]
        return tuple(Want("trades", symbol, order_id) for symbol, order_id in dict.fromkeys(late))

    def wallets_are(self, balances: tuple[Balance, ...]) -> None:
        self._wallets = {b.asset: b for b in balances}

    def _take(self, said: Pushed, now_ns: int, heard: Heard) -> None:
        if isinstance(said, pushes.OrderEvent):
            self._take_order(said.order, heard)
        elif isinstance(said, TradeLite):
            self._announce(said, now_ns)
        elif isinstance(said, AlgoEvent):
            self._take_algo(said, heard)
        elif isinstance(said, pushes.AccountEvent):
            self._take_account(said, heard)
        elif isinstance(said, pushes.ConfigEvent):
            self._take_config(said, heard)
        elif isinstance(said, pushes.MarginCall):
            named = ", ".join(p.symbol for p in said.positions) or "the account"
            self._say(heard, f"margin call: {named} is near liquidation; add money or make it smaller")
        elif isinstance(said, pushes.TriggerReject):
            self._take_reject(said, heard)
        else:
            heard.broken = "the listen key has expired"

    def _take_order(self, o: OrderPush, heard: Heard) -> None:
        if o.position_side != "BOTH":
            heard.wants.append(Want("mode"))
        held = self._held.get(o.symbol)
        owner = self._memory.learn_push(o)
        if owner is None or (held and any(h.order_id == o.order_id for h in held)):
            self._hold(o, heard)
            return
        self._tell_order(o, owner, heard)

    def _hold(self, o: OrderPush, heard: Heard) -> None:
        self._held.setdefault(o.symbol, []).append(o)
        if sum(len(held) for held in self._held.values()) > HELD_MOST:
            heard.broken = f"more than {HELD_MOST} messages about orders of unknown owners wait"
        heard.wants.append(Want("links", o.symbol))

    def _tell_order(self, o: OrderPush, owner: str, heard: Heard) -> None:
        """The fill goes first, so that nobody sees an order that has ended without its last fill."""
        if o.trade_id > 0 and Decimal(o.last_qty) > 0:
            name = exec_id(o.symbol, o.trade_id, o.side)
            self._awaited.pop(name, None)
            fill = pushes.push_fill(o, owner)
            if fill is not None and name not in self._seen:
                self._note_fill(name)
                heard.events.append(FillNews(self.account, fill))
        elif o.execution in ("TRADE", "CALCULATED") and Decimal(o.last_qty) > 0:
            # A fill without a number: its own page knows the number.
            heard.wants.append(Want("trades", o.symbol, o.order_id))
        if str(o.expiry) == "8":
            return  # not the end: the regular order that took its place goes on
        report = pushes.push_report(o, owner, self._memory.kind_of(owner))
        if isinstance(report, Unreadable):
            heard.broken = report.why
            return
        heard.events.append(OrderNews(self.account, report))

    def _announce(self, t: TradeLite, now_ns: int) -> None:
        name = exec_id(t.symbol, t.trade_id, t.side)
        if name in self._seen or name in self._awaited:
            return
        self._awaited[name] = (now_ns, t.symbol, t.order_id)
        if len(self._awaited) > AWAITED_MOST:
            del self._awaited[next(iter(self._awaited))]

    def _note_fill(self, name: str) -> None:
        self._awaited.pop(name, None)
        self._seen[name] = None
        if len(self._seen) > SEEN_MOST:
            del self._seen[next(iter(self._seen))]

    # ── conditional orders ──────────────────────────────────────────────────────────────────────

    def _take_algo(self, said: AlgoEvent, heard: Heard) -> None:
        a = said.algo
        known = self._memory.learn_algo_push(a)
        report = _algo_report(said, known)
        if report is not None:
            if report.state is not State.OPEN:
                self._memory.ended(known.client_id)
            heard.events.append(OrderNews(self.account, report))
        if a.symbol in self._held:
            self._release(a.symbol, heard)

    def _release(self, symbol: str, heard: Heard) -> None:
        """A link became known: tell what waited for it, in its order; the rest waits on."""
        rest: list[OrderPush] = []
        for o in self._held.pop(symbol):
            owner = self._memory.learn_push(o)
            if owner is None:
                rest.append(o)
            else:
                self._tell_order(o, owner, heard)
        if rest:
            self._held[symbol] = rest

    def _take_reject(self, said: pushes.TriggerReject, heard: Heard) -> None:
        symbol, order_id = said.rejected.symbol, said.rejected.order_id
        owner = self._memory.owner(symbol, order_id)
        known = self._memory.of(owner) if owner else None
        reason = cut(said.rejected.reason) or "refused when it triggered"
        if known is None:
            self._say(heard, f"a stop on {symbol} was refused when it triggered: {reason}")
            return
        self._memory.ended(known.client_id)
        # The event has no quantity of its own; its time is the stream's.
        report = OrderReport(
            client_id=known.client_id,
            venue_id=str(order_id),
            symbol=symbol,
            side=known.side,
            qty=known.qty,
            price=Decimal(0),
            cum_qty=Decimal(0),
            state=State.REJECTED,
            venue_ns=0,
            reason=reason,
            kind=known.kind,
        )
        heard.events.append(OrderNews(self.account, report))

    # ── the account ─────────────────────────────────────────────────────────────────────────────

    def _take_account(self, said: pushes.AccountEvent, heard: Heard) -> None:
        account = said.account
        for money in account.money:
            total = Decimal(money.wallet)
            # What is free is not told here; the cross wallet bounds it from above.
            self._wallets[money.asset] = Balance(money.asset, total, min(total, Decimal(money.cross)))
        if account.money:
            heard.events.append(BalanceNews(self.account, tuple(self._wallets.values())))
        if account.reason != "ORDER":
            heard.wants.append(Want("income"))
        if any(held.side != "BOTH" for held in account.held):
            heard.wants.append(Want("mode"))

    def _take_config(self, said: pushes.ConfigEvent, heard: Heard) -> None:
        if said.leverage is not None:
            symbol, times = said.leverage.symbol, said.leverage.leverage
            if self._leverage.get(symbol, times) != times:
                self._say(heard, f"somebody set the leverage of {symbol} to {times}")
        if said.multi_assets is not None:
            mode = "on" if said.multi_assets.on else "off"
            self._say(heard, f"somebody switched multi-assets mode {mode}")
        heard.wants.append(Want("mode"))

    def _say(self, heard: Heard, why: str) -> None:
        """A note for people; it also has the account asked for its truth."""
        heard.events.append(Outgrown(self.account, cut(why)))


def _algo_report(said: AlgoEvent, known: Known) -> OrderReport | None:
    """What a conditional order's own event says of the order; None where the regular order says it."""
    a = said.algo
    state = ALGO_STATES.get(a.status)
    executed = Decimal(a.executed or "0")
    if a.status == "FINISHED" and executed >= known.qty > 0:
        state = State.FILLED
    if state is None:
        return None
    if known.order_id and state in (State.CANCELLED, State.EXPIRED):
        return None
    if state is State.OPEN and not known.live:
        return None
    return OrderReport(
        client_id=known.client_id,
        venue_id=str(known.order_id) if known.order_id else f"algo-{a.algo_id}",
        symbol=a.symbol,
        side=known.side,
        qty=known.qty,
        price=Decimal(a.price or "0"),
        cum_qty=executed,
        state=state,
        venue_ns=said.time * NS_PER_MS,
        reason=cut(a.reason or ""),
        kind=known.kind,
    )
