"""Where a database is: a URL with a secret's name where its password belongs.

    sqlite:///home/ann/copy.sqlite                       a file; a plain path means the same
    postgresql://kedge:{DESK_DB_PASSWORD}@host:5432/db   {NAME} stands for the secret of that name
    mysql://kedge:{DESK_DB_PASSWORD}@host/db             MariaDB or MySQL; "mariadb://" is the same

Words after `?` go to the driver: `host` and `unix_socket` for a socket of this machine, `sslmode`,
`sslrootcert`, `ssl_ca`. An address never prints its password.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit

from msgspec import Struct

from kedge.journal.dialect import Kind

KINDS: dict[str, Kind] = {
    "sqlite": "sqlite",
    "postgresql": "postgresql",
    "postgres": "postgresql",
    "mysql": "mysql",
    "mariadb": "mysql",
}
WORDS: dict[Kind, tuple[str, ...]] = {
    "sqlite": (),
    "postgresql": ("host", "sslmode", "sslrootcert", "sslcert", "sslkey", "options", "target_session_attrs"),
    "mysql": ("unix_socket", "ssl_ca", "ssl_cert", "ssl_key"),
}

Find = Callable[[str], str]


class AddressWrong(ValueError):
    """What is wrong with it, in one sentence that shows no secret."""


class Address(Struct, frozen=True):
    """One database. For SQLite `name` is the file; for the others the database's own name."""

    kind: Kind
    name: str
    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    words: dict[str, str] = {}
    # SQLite: whether every commit reaches the disk (the truth), or the file can be made again (WAL).
    truth: bool = False

    def __repr__(self) -> str:
        return f"Address({self.shown})"

    __str__ = __repr__

    @property
    def shown(self) -> str:
        """The address for people: without the password."""
        if self.kind == "sqlite":
            return self.name
        where = f"{self.host}:{self.port}" if self.port else self.host
        who = f"{self.user}@" if self.user else ""
        return f"{self.kind}://{who}{where or self._socket}/{self.name}"

    @property
    def _socket(self) -> str:
        return self.words.get("host") or self.words.get("unix_socket") or "localhost"


def file_address(path: Path, *, truth: bool) -> Address:
    return Address("sqlite", str(path), truth=truth)


def parse(url: str, find: Find | None = None) -> Address:
    """Read a URL; `find` gives the secret of a name. Raises `AddressWrong`."""
    if "://" not in url:
        return Address("sqlite", str(Path(url).expanduser().absolute()))
    try:
        parts = urlsplit(url)
        port = parts.port or 0
    except ValueError:
        raise AddressWrong("the database's address cannot be read: its port or its host is wrong") from None
    kind = KINDS.get(parts.scheme.lower().partition("+")[0])
    if kind is None:
        raise AddressWrong(
            f"the database's address begins with {parts.scheme!r}; it can be sqlite, postgresql or mysql"
        )
    if kind == "sqlite":
        name = unquote(parts.path)
        # sqlite:///a.db is relative, sqlite:////a.db is absolute, as elsewhere; both by one rule of paths.
        return Address("sqlite", str(Path(name.removeprefix("/") if name.startswith("//") else name)))
    name = unquote(parts.path.lstrip("/"))
    if not name or "/" in name:
        raise AddressWrong(f"the database's address names no database: write {kind}://user@host/name")
    words = dict(parse_qsl(parts.query))
    for word in words:
        if word not in WORDS[kind]:
            raise AddressWrong(f"{word!r} after `?` is not known; {kind} takes: {', '.join(WORDS[kind])}")
    password = _password(unquote(parts.password or ""), find)
    return Address(kind, name, parts.hostname or "", port, unquote(parts.username or ""), password, words)


def _password(written: str, find: Find | None) -> str:
    if not written:
        return ""
    if not (written.startswith("{") and written.endswith("}")):
        raise AddressWrong(
            "a password must not stand in the database's address: write the NAME of a secret, like"
            " postgresql://kedge:{DESK_DB_PASSWORD}@host/db"
        )
    if find is None:
        raise AddressWrong("no secrets can be read here, and the database's address names one")
    return find(written[1:-1])
