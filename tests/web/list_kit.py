"""Pages over tables that hold something: a hand-written journal told to the desk's own rows database.

def test_it() -> None:
    async def run(web: Web) -> None:
        await web.sign_in("ann", "viewer")
        assert "peg-1" in (await web.get("/orders/")).text

    at_the_lists(run)
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any

import msgspec
from asgiref.sync import sync_to_async
from desk_kit import ROWS, Web, a_home, at_a_desk
from fake_port import NOW, NS, FakePort, a_status
from market_kit import Gate

from kedge.desk.tables.database import Database
from kedge.desk.tables.people import rows_address
from kedge.desk.tables.projection import Projection
from kedge.desk.tables.tables import Tables
from kedge.model import records as r
from kedge.model.ids import mint
from kedge.model.instrument import Instrument
from kedge.model.looks import ScheduleLook, StashLook, Status
from kedge.model.order import Move
from kedge.model.records import Entry, Raw
from kedge.model.stash import SavedOrder
from kedge.model.venue import Cash, Fill
from kedge.settings import Secrets, Settings

D = Decimal
ACCOUNT, SYMBOL = "paper/main", "BTC-PERP"
MARKET = f"{ACCOUNT}:{SYMBOL}"
# What a bot, a venue or a person may write, and what must never come out as it went in.
EVIL = "<script>alert(1)</script>'\"&"
FORMULA = "=HYPERLINK(1)"
ORDERS = 60


def order_id(number: int) -> str:
    return mint(42, number % 3 + 1, 1, number + 1)


def records() -> Iterator[r.Record]:
    yield r.DeskMade(desk=42, cell="main")
    yield r.LifeBegan(life=1, version="test")
    instrument = Instrument(SYMBOL, "linear", "BTC", "USD", "USD", D("0.1"), D("0.001"), D("0.001"))
    yield r.InstrumentKnown(ACCOUNT, instrument)
    for number in range(1, 4):
        yield r.BotAdded(f"peg-{number}", number, "peg", Raw(b'{"qty":"1.5"}'), Raw(b"{}"))
    for number in range(ORDERS):
        yield from an_order(number)
    yield r.Noted("warn", EVIL, "peg-1")
    yield r.Noted("alarm", FORMULA)
    asked = ("c1", f"pi:{EVIL}", "web", "bot.stop", Raw(msgspec.json.encode({"name": EVIL})))
    yield r.CommandTaken(*asked, True, "stopping")
    yield r.CommandTaken("c2", "pi:ann", "api", "desk.kill", Raw(b"{}"), False, FORMULA)
    cash = Cash("f1", "funding", "USD", D("-0.12345678901234567890"), NOW, SYMBOL)
    yield r.CashMoved(ACCOUNT, cash)
    yield r.ListSet("whitelist", ("SBER", "peg-1"), "pi:ann")
    yield r.ScheduleSet("nightly", "desk.backup", Raw(b'{"target":"/x"}'), "1d", NOW, "pi:ann")
    yield r.ScheduleRan("nightly", NOW, True, "done", NOW + 1, "schedule:nightly:1")


def an_order(number: int) -> Iterator[r.Record]:
    own, bot = order_id(number), f"peg-{number % 3 + 1}"
    price = D(60_000) + number
    yield r.Intent(
        client_id=own,
        bot=bot,
        slot="main",
        market=MARKET,
        side="buy" if number % 2 else "sell",
        qty=D("0.3"),
        price=price,
        valid_until_ns=NOW,
        why=EVIL if number == 7 else "joins the best bid",
    )
    if number == ORDERS - 1:
        return  # pending: its fate is not known yet
    yield r.OrderMoved(own, Move.SEEN, D(0), f"v{number}")
    for part in range(3):
        fill = Fill(
            exec_id=f"x{number}-{part}",
            client_id=own,
            venue_id=f"v{number}",
            symbol=SYMBOL,
            side="buy" if number % 2 else "sell",
            qty=D("0.1"),
            price=price,
            fee=D("0.01"),
            fee_asset="USD",
            venue_ns=NOW,
        )
        yield r.Filled(ACCOUNT, fill, bot, "main")


def entries() -> list[Entry]:
    """A second apart, the last one now."""
    every = list(records())
    first_ns = NOW - (len(every) - 1) * NS
    return [Entry(seq, first_ns + (seq - 1) * NS, record) for seq, record in enumerate(every, 1)]


class ListPort(FakePort):
    """An engine with that journal, and with a schedule."""

    def __init__(self) -> None:
        super().__init__()
        self.rows = {name: [] for name in ROWS}
        self.rows["lists"] = [
            {"name": "whitelist", "items": "SBER, peg-1", "actor": f"pi:{EVIL}", "set_ns": NOW},
            {"name": "mine", "items": EVIL, "actor": "pi:ann", "set_ns": NOW},
        ]
        self.rows["stash"] = [a_saved_order(), a_saved_order(bot="", price=D("99.5"), kind="take_limit")]
        self.markets = Gate()
        self.told = entries()
        self.schedules: tuple[ScheduleLook, ...] = (a_schedule(),)

    def status(self) -> Status:
        self._maybe_wrong()
        last = self.told[-1].seq
        return msgspec.structs.replace(
            a_status(),
            schedules=self.schedules,
            stashes=(StashLook("night", ACCOUNT, 2, NOW),),
            seq=last,
            durable_seq=last,
            cell="main",
        )

    async def read(self, what: str, args: dict[str, object]) -> object:
        if what in ("listed", "quotes"):
            self._maybe_wrong()
            return self.markets.rows(what, {"after": "", "limit": 2000, **args})
        return await super().read(what, args)

    async def entries(self, after_seq: int) -> AsyncIterator[Entry]:
        for entry in self.told:
            if entry.seq > after_seq:
                yield entry


def a_saved_order(**changes: Any) -> SavedOrder:
    made = SavedOrder("BTC-PERP", "buy", D(2), "stop", D(100), bot="peg-1", venue_id="v1")
    return msgspec.structs.replace(made, **changes)


def a_schedule(**changes: object) -> ScheduleLook:
    made = ScheduleLook(
        name="nightly",
        verb="desk.backup",
        args={"target": "/backups/{date}"},
        every="0 3 * * mon-fri",
        zone="Europe/Paris",
        enabled=True,
        missed="once",
        comment="before the markets",
        next_ns=NOW + 3600 * NS,
        due_ns=NOW - 3600 * NS,
        ran_ns=NOW - 3600 * NS,
        ok=True,
        says="a copy is in /backups/2026-11-20",
        set_by="pi:ann",
    )
    return msgspec.structs.replace(made, **changes)


def told() -> Tables:
    """The tables of this process's home, made anew from the journal above."""
    home = a_home()
    address = rows_address(home, Settings(), Secrets(home.secrets))
    database = Database(address)
    projection = Projection(database, "main")
    projection.open()
    projection.clear()
    projection.apply(entries())
    projection.make_indexes()
    tables = Tables(database, "main")
    tables.state = msgspec.structs.replace(tables.state, told_ns=NOW, catching_up=False)
    return tables


def at_the_lists(test: Callable[[Web], Awaitable[None]], port: ListPort | None = None) -> None:
    async def run(web: Web) -> None:
        tables = await sync_to_async(told)()
        web.context.tables = tables
        try:
            await test(web)
        finally:
            web.context.tables = None
            tables.database.close()

    at_a_desk(run, port or ListPort())
