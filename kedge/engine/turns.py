"""What has to wait its turn, or has none: sessions, the allowance of stop orders, what a venue cannot do.

Orders that wait for a trigger may have an allowance of their own, so many in a minute. It is used to the full
and never beyond; cancels of such orders go before new ones. That the venue wants none for a while is a wait
as well, and nobody's refusal.
"""

from __future__ import annotations

from kedge.engine.engine import Engine
from kedge.engine.senses import Link
from kedge.engine.state import BotRow, Order
from kedge.engine.wants import Rest
from kedge.model import pace
from kedge.model.instrument import Instrument
from kedge.model.order import TAKES, TRIGGERED, OrderKind
from kedge.model.venue import Rules

# New orders look again so much later than cancels that wait.
AFTER_CANCELS_NS = 10_000_000


def waits_to_change(e: Engine, order: Order, link: Link) -> bool:
    """Whether a cancel has to wait: for the opening, where the venue refused it outside a session; or for the
    allowance of orders that wait for a trigger. Its bot is asked again when it may go."""
    care, instrument = e.cares.get(order.client_id), e.desk.instrument(order.market)
    if care is not None and care.shut:
        if instrument is not None and instrument.rests(e.now_ns):
            return True
        care.shut = False
    if order.kind not in TRIGGERED or not link.rules.stops_per_min:
        return False
    wait_ns = _wait_ns(e, link)
    if wait_ns:
        link.stop_cancels_ns = e.now_ns + wait_ns
        e.timers.sooner(("bot", order.bot), link.stop_cancels_ns)
        return True
    link.stops_ns.append(e.now_ns)
    return False


def takes_turn(e: Engine, link: Link) -> int:
    """Take a turn of the allowance of stop orders, for an order that is not ours. How long it has to wait
    instead; 0: it may go, and is counted."""
    if not link.rules.stops_per_min:
        return 0
    wait_ns = _wait_ns(e, link)
    if not wait_ns:
        link.stops_ns.append(e.now_ns)
    return wait_ns


def unable(e: Engine, row: BotRow, rest: Rest, instrument: Instrument, link: Link) -> str:
    """What the venue would refuse for certain, or has no turn for yet; "" when it may be sent."""
    if not (instrument.can_buy if rest.side == "buy" else instrument.can_sell):
        return f"{rest.market} cannot be {'bought' if rest.side == 'buy' else 'sold'} through this account"
    if rest.kind == "market" and not instrument.market_orders:
        return f"{rest.market} takes no market orders"
    if rest.kind not in TRIGGERED:
        return ""
    if rest.kind in TAKES and not link.rules.takes:
        return f"{link.account} has no orders that fire as the price comes ({rest.kind})"
    most = link.rules.stops_per_min
    wait_ns = _wait_ns(e, link, AFTER_CANCELS_NS) if most else 0
    if wait_ns:
        e.timers.sooner(("bot", row.name), e.now_ns + wait_ns)
        return f"{link.account} takes {most} stop orders a minute: waiting for its turn"
    return ""


def ends_itself(rules: Rules, kind: OrderKind) -> bool:
    """Whether the venue ends an order of this kind at the time that it is given."""
    return rules.ends == "all" or (rules.ends == "stops" and kind in TRIGGERED)


def held_back(e: Engine, order: Order, retry_ns: int) -> bool:
    """The venue (or our own count of it) wants no stop orders for so long: true where that is the case."""
    link = e.links.get(order.account)
    if link is None or not link.rules.stops_per_min or order.kind not in TRIGGERED or not retry_ns:
        return False
    link.stops_after_ns = max(link.stops_after_ns, e.now_ns + retry_ns)
    e.count("stops held back")
    return True


def _wait_ns(e: Engine, link: Link, yields_ns: int = 0) -> int:
    """How long the next of them must wait at this desk; what yields waits for cancels, too. 0: it may go."""
    paced_ns = pace.wait_ns(link.stops_ns, link.rules.stops_per_min, e.now_ns)
    cancels_ns = link.stop_cancels_ns + yields_ns - e.now_ns if yields_ns and link.stop_cancels_ns else 0
    return max(paced_ns, link.stops_after_ns - e.now_ns, cancels_ns, 0)
