"""Parameters whose names are read without regard to case: the futures side is known by its small letters.

"Mandatory parameter 'timeinforce' was not sent", it says, and takes `orderidlist` as it takes `orderIdList`;
clients rely on it.
"""

from __future__ import annotations

from kedge.sim.binance.common import Params


class Named(Params):
    """What was sent, by names in small letters. Signatures are made over what was sent as it was sent."""

    def __init__(self, sent: Params) -> None:
        super().__init__({name.lower(): value for name, value in sent.values.items()})

    def has(self, name: str) -> bool:
        return super().has(name.lower())

    def text(self, name: str, default: str = "") -> str:
        return super().text(name.lower(), default)

    def need(self, name: str) -> str:
        return super().need(name.lower())

    def raw(self, name: str) -> str:
        """As it was sent; "" where it was not."""
        return self.values.get(name.lower(), "")
