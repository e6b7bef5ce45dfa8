"""The sections of the settings that are the desk's: the web, its database, messages and watching.

The engine reads none of them.
"""

from __future__ import annotations

import re
from typing import Annotated

from msgspec import Meta, Struct

LOOPBACK = ("127.0.0.1", "::1", "localhost")

_SECRET = re.compile(r"^[A-Z][A-Z0-9_]{1,63}$")
_DATABASE = re.compile(r"^(postgres|postgresql|mysql|mariadb)://[^\s]+$")
_SECRET_PLACE = re.compile(r":\{[A-Z][A-Z0-9_]{1,63}\}$")
_HOST = re.compile(r"^(\*|\.?[A-Za-z0-9][A-Za-z0-9.-]*|\[[0-9a-f:]+\])$")


class _Section(Struct, frozen=True, forbid_unknown_fields=True):
    pass


class WebSettings(_Section, frozen=True):
    """The pages and the REST interface."""

    enabled: Annotated[bool, Meta(description="Whether `kedge up` starts the desk beside the engine.")] = True
    host: Annotated[
        str,
        Meta(
            description="The address it listens on. Any other than this machine's own asks for `cert` and"
            " `key`, or for `behind_proxy`."
        ),
    ] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Its port; 0 takes any that is free.")] = 8321
    names: Annotated[
        tuple[str, ...],
        Meta(description="The names by which browsers may reach it, like desk.example.org."),
    ] = ()
    cert: Annotated[str, Meta(description="File with the TLS certificate (PEM), chain included.")] = ""
    key: Annotated[str, Meta(description="File with the key of `cert` (PEM).")] = ""
    behind_proxy: Annotated[
        bool,
        Meta(
            description="A reverse proxy of yours stands before it, ends TLS and sets X-Forwarded-For and"
            " X-Forwarded-Proto. Say it only where nobody can go round that proxy."
        ),
    ] = False
    session_hours: Annotated[
        int, Meta(ge=1, le=8760, description="A browser that was idle for so long must sign in again.")
    ] = 168
    tries: Annotated[
        int, Meta(ge=1, le=100, description="So many wrong passwords from one address lock a name there.")
    ] = 5
    lock_minutes: Annotated[
        int, Meta(ge=1, le=10_000, description="How long such a lock lasts after the last try.")
    ] = 15

    def __post_init__(self) -> None:
        if bool(self.cert) != bool(self.key):
            raise ValueError(
                f"`{'key' if self.cert else 'cert'}` is missing; TLS needs both `cert` and `key`"
            )
        if self.host not in LOOPBACK and not self.cert and not self.behind_proxy:
            raise ValueError(
                f"`host` {self.host} can be reached by others, and passwords must not travel in the clear:"
                " give `cert` and `key`, or say behind_proxy = true"
            )
        for name in self.names:
            if not _HOST.match(name):
                raise ValueError(f"`names` are host names like desk.example.org; it is {name!r}")


class DatabaseSettings(_Section, frozen=True):
    """Where the desk keeps people's things and the tables that people read."""

    url: Annotated[
        str,
        Meta(
            description="Another database than the two SQLite files in the home:"
            " postgresql://user:{SECRET_NAME}@host/name or mysql://user:{SECRET_NAME}@host/name (tested"
            " with MariaDB). {SECRET_NAME} stands for the secret of that NAME."
        ),
    ] = ""

    def __post_init__(self) -> None:
        if self.url and not _DATABASE.match(self.url):
            raise ValueError("`url` begins with postgresql://, mysql:// or mariadb://")
        credentials = self.url.partition("://")[2].rpartition("@")[0]
        if ":" in credentials and not _SECRET_PLACE.search(credentials):
            raise ValueError(
                "`url` must not hold a password: write the NAME of a secret, like"
                " postgresql://kedge:{DESK_DB_PASSWORD}@host/kedge"
            )


class MetricsSettings(_Section, frozen=True):
    """Numbers for Prometheus, and whether all is well, on a port beside the web's."""

    listen: Annotated[
        str,
        Meta(
            description="Where the desk also serves `/metrics`, `/healthz` and `/readyz`, like"
            " 127.0.0.1:9464; empty: on the web's own port alone."
        ),
    ] = ""
    token: Annotated[
        str,
        Meta(
            description="NAME of the secret that readers of `/metrics` show (`Authorization: Bearer ...`)."
            " Without one, only this machine may read."
        ),
    ] = ""

    def __post_init__(self) -> None:
        if self.token and not _SECRET.match(self.token):
            raise ValueError("`token` must be the NAME of a secret, like METRICS_TOKEN")
        if self.listen and wrong_address(self.listen, bool(self.token)):
            raise ValueError(f"`listen` {wrong_address(self.listen, bool(self.token))}")


class WatchSettings(_Section, frozen=True):
    """What `kedge watch` looks at, and when it calls a person."""

    interval_s: Annotated[int, Meta(ge=1, le=3600, description="Seconds between two looks.")] = 10
    away_s: Annotated[
        int, Meta(ge=1, le=86400, description="The engine or the desk does not answer for so long.")
    ] = 30
    stuck_s: Annotated[
        int,
        Meta(
            ge=5,
            le=86400,
            description="The engine is there but makes no progress for so long; with `--restart` it is then"
            " killed and started again.",
        ),
    ] = 60
    not_ready_s: Annotated[
        int, Meta(ge=1, le=86400, description="An account may not trade for so long: not up, not reconciled.")
    ] = 120
    unknown_s: Annotated[
        int, Meta(ge=1, le=86400, description="An order's fate has been unknown for so long.")
    ] = 60
    unhedged_s: Annotated[int, Meta(ge=1, le=86400, description="Something stands unhedged for so long.")] = (
        60
    )
    disk_free_mb: Annotated[int, Meta(ge=1, description="Less than this is free where the journal is.")] = 500
    clock_ms: Annotated[
        int, Meta(ge=1, description="The machine's clock and the engine's are so far apart.")
    ] = 2000
    errors: Annotated[
        int, Meta(ge=0, description="So many error lines in the logs within five minutes; 0: never mind.")
    ] = 5


def wrong_address(listen: str, guarded: bool) -> str:
    """What is wrong with an address like 127.0.0.1:9464, in the rest of a sentence; "" when nothing is."""
    host, colon, port = listen.rpartition(":")
    if not colon or not host or not port.isdigit() or int(port) > 65535:
        return f"is an address and a port, like 127.0.0.1:9464; it is {listen!r}"
    if host.strip("[]") not in LOOPBACK and not guarded:
        return f"{listen} can be reached by others: name a secret in `token`, which readers then have to show"
    return ""
