"""Who may ask: the API keys a testnet knows. How they sign is each venue's own."""

from __future__ import annotations

from msgspec import Struct


class ApiKey(Struct, frozen=True, omit_defaults=True):
    """`secret` is an HMAC secret, or a public key in PEM. `ips` empty: from everywhere."""

    name: str
    secret: str
    account: str
    reads: bool = True
    trades: bool = True
    withdraws: bool = False
    ips: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"ApiKey({self.name!r}, account={self.account!r})"

    def admits(self, peer: str) -> bool:
        return not self.ips or peer in self.ips
