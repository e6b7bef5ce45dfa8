"""A desk's past, made up but whole: bots, orders, amends, fills and what was said, as journal entries.

Every order's life is one of a few that real desks write: placed, seen, amended, filled or cancelled, its
bot's memory kept in between. The last orders stay open.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from msgspec import Raw

from bench.quiet import ACCOUNT, BID, TICK, instrument, market
from kedge.model import records as r
from kedge.model.ids import mint
from kedge.model.numbers import ZERO
from kedge.model.order import Move, Side
from kedge.model.records import Entry, Record
from kedge.model.venue import Fill

SECOND_NS = 1_000_000_000
# A second and a bit between orders: a million records are some two days of a busy desk.
STEP_NS = 1_100_000_000
LIFE = 1
DESK = 77
QTY = Decimal("0.050")


def entries(count: int, bots: int, open_orders: int, end_ns: int) -> Iterator[Entry]:
    """`count` entries up to `end_ns`, of which the last orders are open."""
    lives = (count - 2 - bots * 2) // 6 + open_orders
    records = _records(count, bots, open_orders, end_ns - lives * STEP_NS)
    for seq, (ts_ns, record) in enumerate(records, 1):
        yield Entry(seq, ts_ns, record)


def _records(count: int, bots: int, open_orders: int, now_ns: int) -> Iterator[tuple[int, Record]]:
    made = 2 + 2 * bots
    yield now_ns, r.DeskMade(desk=DESK, cell="bench")
    yield now_ns, r.LifeBegan(life=LIFE, version="bench")
    for i in range(bots):
        yield now_ns, r.InstrumentKnown(account=ACCOUNT, instrument=instrument(i))
    for i in range(bots):
        config = b'{"market":"%b","side":"%b","qty":"1000000"}' % (market(i).encode(), _side(i).encode())
        memory = Raw(b'{"qty":"1000000"}')
        yield now_ns, r.BotAdded(bot=f"peg-{i}", number=i + 1, kind="peg", config=Raw(config), state=memory)
    number = 0
    left = count - made - 2 * open_orders
    assert left >= 0, "more open orders than entries"
    for _ in range(left // 6):
        now_ns += STEP_NS
        yield from ((now_ns, record) for record in _life(number, bots, now_ns))
        number += 1
    for _ in range(left % 6):
        yield now_ns, r.Noted(level="info", text="a sentence that fills the count")
    for _ in range(open_orders):
        now_ns += STEP_NS
        yield from ((now_ns, record) for record in _begun(number, bots, now_ns))
        number += 1


def _side(bot: int) -> Side:
    return "buy" if bot % 2 else "sell"


def _begun(number: int, bots: int, now_ns: int) -> list[Record]:
    bot = number % bots
    client_id = mint(DESK, bot + 1, LIFE, number + 1)
    price = BID + TICK * (number % 400)
    intent = r.Intent(
        client_id=client_id,
        bot=f"peg-{bot}",
        slot="main",
        market=market(bot),
        side=_side(bot),
        qty=QTY,
        price=price,
        valid_until_ns=now_ns + 5 * SECOND_NS,
        tif="post_only",
        slot_total=QTY * (1 + number // bots),
        touch=price + TICK,
        why="joins the best bid",
    )
    seen = r.OrderMoved(
        client_id=client_id, move=Move.SEEN, cum_qty=ZERO, venue_id=f"v{number}", version=now_ns
    )
    return [intent, seen]


def _life(number: int, bots: int, now_ns: int) -> list[Record]:
    """Six records: seven lives of ten end filled, three cancelled."""
    begun = _begun(number, bots, now_ns)
    intent = begun[0]
    assert isinstance(intent, r.Intent)
    own = intent.client_id
    price = intent.price + TICK
    until = now_ns + 6 * SECOND_NS
    begun.append(r.AmendIntent(client_id=own, price=price, qty=QTY, valid_until_ns=until, why=intent.why))
    begun.append(r.ChangeSettled(client_id=own, request="amend", result="done"))
    if number % 10 < 7:
        fill = Fill(
            exec_id=f"x{number}",
            client_id=own,
            venue_id=f"v{number}",
            symbol=intent.market.partition(":")[2],
            side=intent.side,
            qty=QTY,
            price=price,
            fee=Decimal("0.300125"),
            fee_asset="USD",
            venue_ns=now_ns,
            maker=True,
        )
        begun.append(r.Filled(account=ACCOUNT, fill=fill, bot=intent.bot, slot="main"))
        state = b'{"qty":"1000000","said":"%d"}' % number
        begun.append(r.BotStated(bot=intent.bot, state=Raw(state)))
    else:
        begun.append(r.CancelIntent(client_id=own, valid_until_ns=until, why="wanted otherwise"))
        begun.append(r.OrderMoved(client_id=own, move=Move.CANCEL, cum_qty=ZERO, version=now_ns + 1))
    return begun
