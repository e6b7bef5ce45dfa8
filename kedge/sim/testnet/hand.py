"""A hosted testnet with its weather, as the control door takes hold of it."""

from __future__ import annotations

from typing import Any

import msgspec

from kedge.sim.testnet.clock import VenueClock
from kedge.sim.testnet.control import NoSuch
from kedge.sim.testnet.faults import WIRE_FAULTS, BadFault, Fault
from kedge.sim.testnet.faulty import Faulty
from kedge.sim.testnet.house import Hosted
from kedge.sim.testnet.keeper import Keeper
from kedge.sim.testnet.keys import ApiKey

_fault = msgspec.json.Decoder(Fault)


class Hand:
    """A `control.Venue`."""

    def __init__(self, hosted: Hosted, faulty: Faulty) -> None:
        self._hosted = hosted
        self._faulty = faulty

    @property
    def clock(self) -> VenueClock:
        return self._hosted.house.clock

    @property
    def keeper(self) -> Keeper[Any]:
        return self._hosted.house.keeper

    def tick(self) -> None:
        self._faulty.tick()

    def pause(self) -> None:
        self._faulty.pause()

    def unpause(self) -> None:
        self._faulty.unpause()

    def cut(self, account: str, path: str) -> int:
        return self._faulty.cut(path, account)

    def arm(self, fault: bytes) -> int:
        try:
            return self._faulty.faults.arm(_fault.decode(fault))
        except msgspec.DecodeError as error:
            raise NoSuch(f"Not a fault: {error}") from None
        except BadFault as error:
            raise NoSuch(str(error)) from None

    def clear(self) -> int:
        return self._faulty.faults.clear()

    def faults(self) -> dict[str, str]:
        faults = self._faulty.faults
        errors = {f"error {name}": f"HTTP {reply.status}" for name, reply in faults.errors.items()}
        return {**WIRE_FAULTS, **faults.known(), **errors}

    def add_key(self, key: ApiKey) -> None:
        self._hosted.house.add_key(key)

    def stats(self) -> dict[str, Any]:
        faulty = self._faulty
        return {
            **self._hosted.stats(),
            "now_ns": self.clock.now_ns(),
            "connections": len(faulty.sessions),
            "requests": faulty.requests,
            "faults_armed": [msgspec.to_builtins(fault) for fault in faulty.faults.armed()],
            "faults_fired": dict(faulty.faults.fired),
            "paused": faulty.paused,
        }
