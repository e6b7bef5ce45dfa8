"""T-Invest on the same cards: the real adapter and its testnet, joined by calls and streams in memory.

Most cards are about orders and not about hours, so the exchange is always open for them; the venue's own
cards (`cards_moex.py`) let it keep its calendar.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from kedge.model.instrument import Instrument
from kedge.model.venue import PlaceOrder
from kedge.sim.loop import StormLoop
from kedge.sim.testnet.faults import Fault
from kedge.sim.testnet.house import Hosted, Setup
from kedge.sim.testnet.options import Options
from kedge.sim.testnet.web import Reply
from kedge.sim.tinvest.testnet import TinvestTestnet
from kedge.storm.calls import SimCalls
from kedge.storm.tinvest import TinvestWindow, key_of
from kedge.storm.window import View, Window
from kedge.storm.wires import HttpFate, SimWires, SocketFate
from kedge.venues.registry import VENUES
from kedge.venues.tinvest.rules import Options as TInvestOptions
from kedge.venues.venue import Setup as Account
from kedge.venues.venue import Venue
from kedge.venues.wires import HttpAsk
from tests.contract.desk import KEY, SECOND, SECRET
from tests.contract.wire_rig import WireRig
from tests.contract.wires import Script

SERVICE = "/tinkoff.public.invest.api.contract.v1."
DEEDS = ("PostOrder", "CancelOrder", "PostStopOrder", "CancelStopOrder")


class TinvestRig(WireRig):
    name = "tinvest"
    venue = "tinvest"
    wallet = "main"
    symbol, other, strange = "SBER", "GAZP", "NOSUCH"
    inside, inside_other = "TQBR:SBER", "TQBR:GAZP"
    lot = Decimal(10)
    path = "/none-of-its-lines-is-for-orders"
    public = ("MarketDataStreamService",)
    private = "OrdersStreamService"
    ending = Fault("stream_cut", path="OrdersStreamService")
    gap_of_book = Fault("inconsistent_book")
    sessions = "always"
    ahead_ns = 4 * SECOND
    halts_watched = True
    declared: ClassVar[Mapping[str, str]] = {
        "http": "T-Invest is spoken to by gRPC alone: there is no second way",
        "contracts": "shares have no funding and no leverage; forced deals are orders of the broker",
        "index": "shares have no index and no funding rate",
        "stop_mark": "T-Invest triggers stop orders by the last price alone",
        "stop_passed": "T-Invest lets a stop order wait whose price has passed, and fires it at once",
        "batch": "T-Invest takes no batches of orders",
        "dead_man": "T-Invest has no dead-man switch",
        "leverage": "T-Invest's leverage is the account's, and not set",
        "secret": "a token of T-Invest has no secret beside it",
        "stamped": "T-Invest's requests carry no times; a clock that differs is said, and nothing is refused",
        "fill_fees": "T-Invest tells commissions of whole orders: they come as cash (card 606)",
        "stop_keys": "T-Invest lists stop orders without our keys: they are found by fields (card 604)",
        "shifting": "T-Invest lists orders without pages",
    }

    def __init__(self, loop: StormLoop) -> None:
        super().__init__(loop)
        self.mid = Decimal("302.15")
        self.script: CallScript = CallScript(self)

    @staticmethod
    def testnet(setup: Setup) -> Hosted:
        return TinvestTestnet(setup, only=("SBER", "GAZP", "SU26238RMFS4"))

    def testnet_options(self) -> Options:
        return Options(market="still", key=KEY, secret=SECRET, sessions=self.sessions)

    def look(self, hosted: Hosted) -> Window:
        assert isinstance(hosted, TinvestTestnet)
        return TinvestWindow(hosted, (View(self.wallet, self.inside, self.symbol),))

    def adapter(self, setup: Account, wires: SimWires, **more: Any) -> Venue:
        return VENUES[self.venue].make()(setup, SimCalls(wires), self.now_ns, **more)  # type: ignore[no-any-return]

    # ── the venue's words ───────────────────────────────────────────────────────────────────────

    def is_answer(self, frame: bytes) -> bool:
        return False

    def refusal(self, name: str, frame: bytes) -> bytes:
        raise AssertionError("no line of this venue answers requests")

    def too_many(self) -> Reply:
        words = {"grpc-status": "8", "grpc-message": "80002", "message": "Request limit exceeded"}
        return Reply(200, b"", {**words, "x-ratelimit-remaining": "0", "x-ratelimit-reset": "3"})

    def hurried(self) -> Any:
        return TInvestOptions(instruments_s=60)

    def novelty(self, part: str) -> bytes:
        """A field of a number that is not in the contract yet."""
        return b"\xfa\x3e\x03new"

    def half_open(self, part: str = "") -> None:
        """One connection carries calls and streams."""
        self.script.deaf = not part
        super().half_open(part)

    # ── weather ─────────────────────────────────────────────────────────────────────────────────

    def fault(self, name: str, order: PlaceOrder | None = None) -> None:
        key = key_of(order.client_id) if order is not None else ""
        self.script.strikes.append((name, key.encode()))

    def babble(self, part: str) -> None:
        self._say(part, b"\x0a\xff\x01half a message")

    def bans(self) -> int:
        """It bans nobody; what is asked beyond a limit it refuses."""
        return 0

    # ── questions ───────────────────────────────────────────────────────────────────────────────

    def questions_fail(self, on: bool) -> None:
        self.script.fails = SERVICE if on else ""

    def questions_of_report(self, asked: list[str]) -> list[str]:
        return list(dict.fromkeys(one.split()[1] for one in asked if one.startswith("POST ")))

    def control(self, do: str, **members: Any) -> dict[str, Any]:
        if "asset" in members:
            members["asset"] = members["asset"].lower()
        return super().control(do, **members)

    # ── the market ──────────────────────────────────────────────────────────────────────────────

    def enrich(self) -> None:
        self.control("deposit", account=self.wallet, asset="rub", amount="1000000000")

    def listed(self) -> tuple[Instrument, ...]:
        house = self.hosted.house
        return tuple(house.exchange.instrument(one.symbol) for one in house.papers())  # type: ignore[attr-defined]

    def true_balances(self) -> dict[str, Decimal]:
        assert isinstance(self.hosted, TinvestTestnet)
        return {"RUB": self.hosted.purse.money(self.wallet)}

    def stranger_id(self, number: int) -> str:
        """Other programs' keys are UUIDs, or the venue makes one up."""
        return f"{0xBEEF:08x}{number:024x}"


class CallScript(Script):
    """Every call is a POST: which of them are questions is in their names."""

    # Nothing arrives any more on the one connection there is; the next one is another.
    deaf = False

    def opening(self, url: str) -> SocketFate:
        self.deaf = False
        return super().opening(url)

    def exchange(self, host: str, ask: HttpAsk) -> HttpFate:
        if self.deaf:
            self.traffic += 1
            return "lost"
        if self.fails and ask.target.startswith(self.fails) and ask.target.rpartition("/")[2] not in DEEDS:
            self.traffic += 1
            self.asked.append(f"{ask.method} {ask.target} {ask.headers}")
            return "failed"
        return super().exchange(host, ask)
