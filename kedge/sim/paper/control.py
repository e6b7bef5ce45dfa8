"""The paper venue as its control door takes hold of it."""

from __future__ import annotations

from typing import Any, get_args

import msgspec

from kedge.sim.paper.faults import Fault, FaultKind
from kedge.sim.paper.gateway import Gateway
from kedge.sim.paper.keeper import PaperKeeper
from kedge.sim.testnet.arms import FAULTS_MAX
from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.control import NoSuch
from kedge.sim.testnet.keys import ApiKey

_fault = msgspec.json.Decoder(Fault)


class PaperHand:
    """A `control.Venue`."""

    def __init__(self, gateway: Gateway, clock: VenueClock) -> None:
        self._gateway = gateway
        self.clock = clock

    @property
    def keeper(self) -> PaperKeeper:
        return self._gateway.keeper

    def tick(self) -> None:
        self._gateway.tick()

    def pause(self) -> None:
        self._gateway.pause()

    def unpause(self) -> None:
        self._gateway.unpause()

    def cut(self, account: str, path: str) -> int:
        if path:
            raise NoSuch("There are no paths in this venue's protocol.")
        return self._gateway.close_all(account, "", "")

    def arm(self, fault: bytes) -> int:
        if len(self._gateway.faults.armed()) >= FAULTS_MAX:
            raise NoSuch(f"{FAULTS_MAX} faults are armed already.")
        try:
            return self._gateway.faults.add(_fault.decode(fault))
        except msgspec.DecodeError as error:
            raise NoSuch(f"Not a fault: {error}") from None

    def clear(self) -> int:
        return self._gateway.faults.clear()

    def faults(self) -> dict[str, str]:
        return dict.fromkeys(get_args(FaultKind), "")

    def add_key(self, key: ApiKey) -> None:
        raise NoSuch("The paper venue has one key; every account is opened by signing in with it.")

    def stats(self) -> dict[str, Any]:
        gateway = self._gateway
        counts = {name: guard.counts for name, guard in gateway.guards.items()}
        for name, kept in gateway.keeper.counts.items():
            counts.setdefault(name, kept)
        return {
            "now_ns": gateway.clock(),
            "connections": len(gateway.connections),
            "requests": gateway.requests,
            "refused": sum(c.refused for c in counts.values()),
            "bans": sum(c.bans for c in counts.values()),
            "accounts": {name: msgspec.to_builtins(c) for name, c in counts.items()},
            "faults_armed": [msgspec.to_builtins(f) for f in gateway.faults.armed()],
            "faults_fired": dict(gateway.faults.fired),
            "paused": gateway.paused,
        }
