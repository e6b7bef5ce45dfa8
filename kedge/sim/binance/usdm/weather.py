"""What goes wrong inside the futures venue: the answers that leave one in doubt, and lookups that lag.

Faults of the wire (losses, delays, cuts) are not made here. A fault here strikes one operation, by whatever
door it came; where its `deed` is true, what was asked for is done before the doubtful answer is given.

    {"kind":"usdm_unknown","deed":true}         503 "Unknown error ...", and the order is there
    {"kind":"usdm_overload"}                    -1008, but never for what reduces a position
"""

from __future__ import annotations

from msgspec import Struct

from kedge.sim.binance.common import Refused, encode
from kedge.sim.binance.usdm.codes import TEXTS
from kedge.sim.binance.usdm.names import Named
from kedge.sim.testnet.faults import Do, Fault, Faults
from kedge.sim.testnet.web import Reply


class Doubt(Struct, frozen=True):
    """An answer of the venue's machinery; `definite`: nothing was done, whatever the fault says."""

    status: int
    code: int
    text: str
    help: str
    definite: bool = False

    def refusal(self) -> Refused:
        return Refused(self.code, self.text, self.status)


UNKNOWN = "Unknown error, please check your request or try again later."
INTERNAL = "Internal error; unable to process your request. Please try again."

DOUBTS: dict[str, Doubt] = {
    "usdm_unknown": Doubt(503, -1000, UNKNOWN, "503 of the first kind: done or not, by `deed`"),
    "usdm_unavailable": Doubt(503, 0, "Service Unavailable.", "503 of the second kind: not done", True),
    "usdm_overload": Doubt(
        503, -1008, TEXTS[-1008], "503 of the third kind: not done; closing is exempt", True
    ),
    "usdm_internal": Doubt(503, -1001, INTERNAL, "503 of the fourth kind: not done", True),
    "usdm_timeout": Doubt(408, -1007, TEXTS[-1007], "408 and -1007: done or not, by `deed`"),
    "usdm_bad_bus": Doubt(500, -1006, TEXTS[-1006], "-1006: done or not, by `deed`"),
    "usdm_engine_window": Doubt(400, -5028, TEXTS[-5028], "-5028: too late for the engine, not done", True),
}


class Weather:
    def __init__(self, faults: Faults, expire_keys: Do, turn: Do) -> None:
        self._faults = faults
        for name, doubt in DOUBTS.items():
            faults.teach(name, doubt.help)
            faults.teach_error(name, Reply(doubt.status, encode(doubt.refusal().body())))
        faults.teach(
            "usdm_expire_keys", "every listenKey of the account (all: of everybody) expires now", expire_keys
        )
        faults.teach("usdm_switch", "choose a reading of the documents: value such as gtx=expire", turn)
        for name, help in (
            ("lookup_lag", "orders and fills younger than delay_ns are not found yet"),
            ("book_gap", "one update of a book's stream is lost, and the next tells of it"),
            ("retention", "orders that ended without a fill are forgotten after delay_ns"),
        ):
            if name not in faults.taught:
                faults.teach(name, help)

    def doubt(self, account: str, params: Named, *, reduces: bool, path: str) -> tuple[Doubt, Fault] | None:
        """What befalls a deed, if anything does."""
        symbol = params.raw("symbol")
        client_id = params.raw("newClientOrderId") or params.raw("clientAlgoId")
        for name, doubt in DOUBTS.items():
            if name == "usdm_overload" and reduces:
                continue
            fault = self._faults.strikes(name, account=account, symbol=symbol, client_id=client_id, path=path)
            if fault is not None:
                return doubt, fault
        return None

    def lag_ns(self, account: str, symbol: str, path: str) -> int:
        """How far lookups are behind."""
        fault = self._faults.strikes("lookup_lag", account=account, symbol=symbol, path=path)
        return fault.delay_ns if fault else 0

    def fruitless_ns(self, default: int, path: str) -> int:
        """How long orders that ended without a fill are found."""
        fault = self._faults.strikes("retention", path=path)
        return fault.delay_ns if fault else default
