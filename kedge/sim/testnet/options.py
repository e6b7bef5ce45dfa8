"""What a testnet is started with, and what it says when its doors are open."""

from __future__ import annotations

from msgspec import Struct

LOOPBACK = "127.0.0.1"


class Options(Struct, frozen=True):
    """What `kedge sim VENUE` takes. A port of 0 is any that is free."""

    host: str = LOOPBACK
    port: int = 0
    # None: no control door.
    control_port: int | None = None
    seed: int = 0
    # "synthetic", "still", "none", or the path of a file of prices.
    market: str = "synthetic"
    # Path of a file of faults, armed at the start; "": none.
    faults: str = ""
    key: str = "paper"
    secret: str = "paper"
    # Path of the state file; "": the venue forgets everything when it ends.
    state: str = ""
    tick_ms: int = 50
    # Paths of a certificate and its key: HTTPS and WSS instead of HTTP and WS.
    cert: str = ""
    cert_key: str = ""
    # Whether permessage-deflate is agreed to when a client offers it.
    deflate: bool = True
    # Where a venue has hours: "calendar", or "always" open.
    sessions: str = "calendar"


class Ready(Struct, frozen=True, tag_field="t", tag="ready"):
    """The one line that says where the doors are."""

    venue: str
    host: str
    port: int
    control_port: int | None
    birth: str
