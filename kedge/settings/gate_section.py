"""The section of the settings about the engine's door: its bounds, and who may come from other machines."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct

LOOPBACK = ("127.0.0.1", "::1", "localhost")
TOKENS_MOST = 64

_NAME = re.compile(r"^[a-z][a-z0-9-]{0,31}\Z")
_SECRET = re.compile(r"^[A-Z][A-Z0-9_]{1,63}\Z")
# What journalled commands of the desk's own are called.
_OWN = ("schedule", "file", "bots")


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class TokenSettings(_Section, frozen=True):
    """One token with which a program on another machine may come in."""

    name: Annotated[
        str, Meta(description="Under which its commands are journalled. Small letters, digits, `-`.")
    ]
    secret: Annotated[str, Meta(description="NAME of the secret that holds the token.")]
    role: Annotated[
        Literal["look", "trade", "admin"],
        Meta(description="look: reads everything. trade: also bots and orders. admin: also the desk itself."),
    ] = "look"

    def __post_init__(self) -> None:
        if not _NAME.match(self.name):
            raise ValueError(f"`name` must be small letters, digits and `-`, like pages; it is {self.name!r}")
        if self.name in _OWN:
            raise ValueError(f"`name` {self.name} is what the desk calls itself; choose another")
        if not _SECRET.match(self.secret):
            # The value is not repeated: it may well be the token itself.
            raise ValueError(
                "`secret` must be the NAME of a secret, like GATE_PAGES; put the token itself in secrets.toml"
            )


class GateSettings(_Section, frozen=True):
    """The engine's door: how many may come, how long it is patient, and who may from other machines."""

    listen: Annotated[
        str,
        Meta(
            description="Also listen here, like 0.0.0.0:8322, for a desk on another host; empty: nowhere."
            " Any address but this machine's own asks for `cert` and `key`."
        ),
    ] = ""
    cert: Annotated[str, Meta(description="File with the TLS certificate of `listen` (PEM), chain too.")] = ""
    key: Annotated[str, Meta(description="File with the key of `cert` (PEM), without a password.")] = ""
    tokens: Annotated[
        tuple[TokenSettings, ...],
        Meta(
            max_length=TOKENS_MOST,
            description="Who may come by `listen`: `[[gate.tokens]]`, each with name, secret (the NAME of"
            " one) and role (look, trade or admin): docs/how-to/desk-on-another-host.md.",
        ),
    ] = ()
    clients_max: Annotated[int, Meta(ge=1, le=4096, description="Callers at once.")] = 64
    requests_max: Annotated[int, Meta(ge=1, le=1024, description="Requests in flight per caller.")] = 16
    streams_max: Annotated[int, Meta(ge=1, le=256, description="Tails and taps per caller.")] = 8
    queue_lines_max: Annotated[int, Meta(ge=1, description="Lines waiting for one caller.")] = 4096
    queue_bytes_max: Annotated[int, Meta(ge=1024, description="Bytes waiting for one caller.")] = (
        8 * 1024 * 1024
    )
    slow_s: Annotated[
        float,
        Meta(ge=0, le=600, description="A caller who makes no room in a full queue for so long is dropped."),
    ] = 5.0
    hello_s: Annotated[
        float, Meta(gt=0, le=600, description="A caller who says nothing for so long is dropped.")
    ] = 5.0
    farewell_s: Annotated[float, Meta(ge=0, le=60, description="Time to hear why one is dropped.")] = 1.0

    def __post_init__(self) -> None:
        if bool(self.cert) != bool(self.key):
            raise ValueError(
                f"`{'key' if self.cert else 'cert'}` is missing; TLS needs both `cert` and `key`"
            )
        names = [token.name for token in self.tokens]
        if twice := next((name for at, name in enumerate(names) if name in names[:at]), ""):
            raise ValueError(f"two tokens are called {twice!r}; every one needs a name of its own")
        if not self.listen:
            return
        if said := _address_wrong(self.listen):
            raise ValueError(said)
        if self.host not in LOOPBACK and not self.cert:
            raise ValueError(
                f"`listen` {self.listen} can be reached by others, and tokens must not travel in the clear:"
                " give `cert` and `key`"
            )

    @property
    def host(self) -> str:
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        return int(self.listen.rpartition(":")[2])


def _address_wrong(listen: str) -> str:
    host, colon, port = listen.rpartition(":")
    bare = not host.startswith("[") and ":" in host
    if not colon or not host or bare or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        return f"`listen` is an address and a port, like 0.0.0.0:8322 or [::]:8322; it is {listen!r}"
    return ""
