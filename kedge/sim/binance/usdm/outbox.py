"""What is to be said once it is on disk: private events by account, in the order in which things happened."""

from __future__ import annotations

from kedge.sim.binance.usdm.events import Event

# More than this between two tellings means that nobody tells: a fault of the caller.
WAITING_MAX = 500_000


class Outbox:
    def __init__(self) -> None:
        self._waiting: list[tuple[str, Event]] = []

    def put(self, account: str, event: Event) -> None:
        assert len(self._waiting) < WAITING_MAX, "nobody tells what was learnt"
        self._waiting.append((account, event))

    def take(self) -> list[tuple[str, Event]]:
        taken, self._waiting = self._waiting, []
        return taken
