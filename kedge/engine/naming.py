"""Which order of ours the venue speaks of, and how it is asked about one.

Some venues name some orders by their own number only, show what burnt a key under the key, or let an order be
found by its looks. What the journal knows decides.
"""

from __future__ import annotations

from kedge.engine.engine import Engine
from kedge.engine.state import Account, Order
from kedge.model.order import TRIGGERED
from kedge.model.venue import Ask, Fill, OrderReport, PlaceOrder


def meant_by(account: Account, report: OrderReport) -> Order | None:
    """The order of ours that a report is about; None: it is nobody's that we know."""
    order = account.orders.get(report.client_id)
    if order is not None and not is_anothers(account, order, report):
        return order
    if not report.venue_id or (report.client_id and order is None):
        return None
    return _of_number(account, report)


def is_anothers(account: Account, order: Order, report: OrderReport) -> bool:
    """Whether the order that was found by its looks is known to be another of ours: two may look the same."""
    if order.venue_id or not report.venue_id:
        return False
    owner = _of_number(account, report)
    return owner is not None and owner is not order


def burnt_its_key(e: Engine, order: Order, report: OrderReport) -> bool:
    """What uses a key up is another quantity than was meant, at a venue where quantities never change."""
    link = e.links.get(order.account)
    burns = link is not None and link.rules.burns and link.rules.amend == "none"
    return burns and report.qty != order.qty and report.cum_qty == 0


def nameless_stop(e: Engine, account: Account, symbol: str = "", fill: Fill | None = None) -> Order | None:
    """A stop order of ours that what trades there under a name that we do not know may belong to: one whose
    number nobody has told us, or, while the trade is young, one that the venue may not show as triggered yet.
    """
    link = e.links.get(account.name)
    if link is None or not link.rules.burns:
        return None
    young_ns = link.rules.visibility_ns + link.rules.skew_ns
    young = fill is not None and e.now_ns - fill.venue_ns <= young_ns
    for order in account.orders.values():
        if not order.live or order.kind not in TRIGGERED or symbol not in ("", order.symbol):
            continue
        if not order.venue_id or (young and fill is not None and order.side == fill.side):
            return order
    return None


def ask_of(e: Engine, order: Order, burn: bool = False) -> Ask:
    """The question about it, with all that the journal knows: the adapter may have been started just now."""
    placed = PlaceOrder(
        client_id=order.client_id,
        symbol=order.symbol,
        side=order.side,
        qty=order.qty,
        price=order.price,
        kind=order.kind,
        tif=order.tif,
        reduce_only=order.reduce_only,
        trigger_price=order.trigger_price,
        trigger_by=order.trigger_by,
        valid_until_ns=order.valid_until_ns,
        expires_ns=order.expires_ns,
    )
    others = _alike(e.desk.accounts[order.account], order)
    return Ask(order.client_id, order.symbol, placed, order.venue_id, order.intent_ns, burn, others)


def _of_number(account: Account, report: OrderReport) -> Order | None:
    for order in account.orders.values():
        if order.venue_id == report.venue_id and order.symbol == report.symbol:
            return order
    return None


def _alike(account: Account, order: Order) -> tuple[tuple[str, str], ...]:
    """Orders that a venue may show in its place, where it shows no id of ours."""
    if order.venue_id or order.kind not in TRIGGERED:
        return ()
    looks = _looks(order)
    return tuple(
        (other.venue_id, other.client_id)
        for other in account.orders.values()
        if other.venue_id and _looks(other) == looks
    )


def _looks(order: Order) -> tuple[object, ...]:
    return (order.symbol, order.side, order.kind, order.trigger_price)
