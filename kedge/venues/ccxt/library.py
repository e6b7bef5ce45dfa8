"""ccxt itself: loaded when an account first needs it, and an exchange of it set up for one account.

Loading takes seconds and a hundred megabytes, so it happens beside the loop, once a process. Everything that
ccxt would do on its own is turned off here: second attempts, roundings of time, floats.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, Protocol
from urllib.parse import urlsplit

from kedge.model.sentences import nearest
from kedge.venues.ccxt.rules import OPTIONS
from kedge.venues.ccxt.rules import Options as Waits
from kedge.venues.ccxt.witness import Exchange, witnessed
from kedge.venues.venue import Setup

# A secret may be an object with everything that an exchange asks for besides the key.
CREDENTIALS = (
    "apiKey",
    "secret",
    "password",
    "uid",
    "walletAddress",
    "privateKey",
    "token",
    "login",
    "twofa",
)


# No second attempts, and no numbers of trades that ccxt made up.
QUIET: Mapping[str, Any] = {"maxRetriesOnFailure": 0, "useCcxtTradeId": False}


class Library(Protocol):
    """What we need of ccxt; a test brings its own."""

    # What every error of ccxt's is.
    error: type[Exception]

    def names(self) -> Sequence[str]: ...

    def exchange(self, name: str) -> type[Any]:
        """The class of this exchange, with streams where ccxt has them."""


class _Ccxt:
    def __init__(self) -> None:
        self._rest = import_module("ccxt.async_support")
        self._pro = import_module("ccxt.pro")
        self.error: type[Exception] = import_module("ccxt").BaseError

    def names(self) -> Sequence[str]:
        return tuple(self._rest.exchanges)

    def exchange(self, name: str) -> type[Any]:
        found: type[Any] = getattr(self._pro if name in self._pro.exchanges else self._rest, name)
        return found


async def load() -> Library:
    return await asyncio.to_thread(_Ccxt)


Load = Callable[[], Awaitable[Library]]


def build(library: Library, name: str, setup: Setup, waits: Waits, *, private: bool) -> Exchange | str:
    """An exchange set up for this account, or the sentence that says what is missing.

    `private` False: for public streams. It knows no key, and floats are left to it, because ccxt keeps the
    books of its streams in floats whatever it is told.
    """
    if name not in library.names():
        meant = nearest(name, library.names())
        return f"ccxt knows no exchange {name!r}" + (f"; did you mean ccxt-{meant}?" if meant else "")
    config: dict[str, Any] = {
        "enableRateLimit": True,
        "timeout": round(waits.request_s * 1_000),
        "options": {**OPTIONS.get(name, {}), **QUIET},
    }
    if private:
        said = credentials(setup)
        if isinstance(said, str):
            return said
        config.update(said)
    exchange = witnessed(library.exchange(name))(config)
    if private:
        exchange.number = str
    return exchange


def point(exchange: Exchange, name: str, setup: Setup, error: type[Exception]) -> str:
    """Have it speak to the place that the account names; the sentence why it cannot."""
    try:
        if setup.url:
            exchange.urls["api"] = pointed(exchange.urls["api"], setup.url)
        elif setup.demo:
            exchange.enable_demo_trading(True)
        elif not setup.live:
            if not exchange.urls.get("test"):
                return _no_place(setup, name)
            exchange.set_sandbox_mode(True)
    except (error, KeyError):
        return _no_place(setup, name)
    return ""


def _no_place(setup: Setup, name: str) -> str:
    place = "demo trading" if setup.demo else "test network"
    return (
        f"ccxt knows no {place} of {name}: only real money can be traded there (live = true), or a"
        " simulator (url)"
    )


def pointed(addresses: Any, url: str) -> Any:
    """The same tree of addresses, all on one host: paths stay, WebSockets stay WebSockets."""
    if isinstance(addresses, Mapping):
        return {name: pointed(one, url) for name, one in addresses.items()}
    if not isinstance(addresses, str) or "://" not in addresses:
        return addresses
    scheme, _, rest = addresses.partition("://")
    slash = rest.find("/")
    path = rest[slash:] if slash >= 0 else ""
    here = urlsplit(url)
    secure = here.scheme == "https"
    if scheme in ("ws", "wss"):
        scheme = "wss" if secure else "ws"
    else:
        scheme = here.scheme
    return f"{scheme}://{here.netloc}{path}"


def credentials(setup: Setup) -> dict[str, str] | str:
    """The key and whatever else the exchange asks for: a secret like {"secret": "…", "password": "…"}."""
    if not setup.secret.lstrip().startswith("{"):
        return {"apiKey": setup.key, "secret": setup.secret}
    wrong = "the secret is meant as an object of texts, but cannot be read as one; its members may be " + (
        ", ".join(CREDENTIALS)
    )
    try:
        members = json.loads(setup.secret)
    except ValueError:
        return wrong
    if not isinstance(members, dict) or any(name not in CREDENTIALS for name in members):
        return wrong
    if not all(isinstance(value, str) for value in members.values()):
        return wrong
    return {"apiKey": setup.key, **members}


def hidden(setup: Setup) -> tuple[str, ...]:
    """What no error may repeat."""
    members = credentials(setup)
    values = tuple(members.values()) if isinstance(members, dict) else ()
    # "paper" and the like are no secrets, and cutting them out would make sentences unreadable.
    return tuple(value for value in (setup.key, setup.secret, *values) if len(value) >= 8)
