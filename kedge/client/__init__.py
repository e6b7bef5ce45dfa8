"""Speak to a running desk from Python.

    async with kedge.client.connect() as desk:
        await desk.command("bot.add", name="hedge-1", kind="hedge", config={"market": "paper/main:BTC-PERP"})
        status = await desk.status()
        for row in await desk.orders(bot="hedge-1"): ...
        async for entry in desk.tail(after=status.seq): ...

    async with kedge.client.connect("https://desk.example:8321", token="kedge_...") as desk:
        ...                                    # the same verbs, over the desk's REST interface

    async with kedge.client.connect("tls://trade.example:8322", token="...", ca="desk.pem") as desk:
        ...                                    # the gate itself, on another machine

Every command carries an id made here. If the line breaks before the answer, the client connects again and
asks again under the same id: the desk does a command once and answers the same, however often it is asked.
Where it cannot reach the desk any more it raises `DeskAway` with that `command_id`, and whoever wants to
know may ask again with it later, even after the desk was restarted.

`DeskAway`   nobody answers: the engine is not running, or is stopping
`Refused`    the desk said no, in one sentence; `fault` tells usage from refusal
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from kedge.client.address import FarGate, Gate, far_gate, gate_at, gate_of, is_far
from kedge.client.gate import HELLO_S, Desk, socket_of
from kedge.client.shared import ASKS_MAX, DeskAway, Refused, Row, new_command_id

if TYPE_CHECKING:
    from kedge.client.http import HttpDesk

__all__ = [
    "ASKS_MAX",
    "HELLO_S",
    "Desk",
    "DeskAway",
    "FarGate",
    "Gate",
    "Refused",
    "Row",
    "connect",
    "far_gate",
    "gate_at",
    "gate_of",
    "new_command_id",
    "socket_of",
]


@overload
def connect(
    where: str | Path | FarGate | None = None, *, via: str = "python", of: str = ""
) -> AbstractAsyncContextManager[Desk]: ...


@overload
def connect(where: str, *, token: str) -> AbstractAsyncContextManager[HttpDesk]: ...


@overload
def connect(
    where: str, *, token: str, ca: str, via: str = "python", of: str = ""
) -> AbstractAsyncContextManager[Desk]: ...


def connect(
    where: str | Path | FarGate | None = None,
    *,
    via: str = "python",
    of: str = "",
    token: str = "",
    ca: str = "",
) -> AbstractAsyncContextManager[Any]:
    """A desk's home folder, or its socket file; by default the home that KEDGE_HOME or XDG names.

    `of`: the person this program speaks for, unless a command names another. Letters, digits and `._@+-`.
    With an address and a `token`, the desk anywhere else: https://desk.example:8321 its REST interface,
    tls://trade.example:8322 its gate. `ca` is the file by which the gate's certificate is trusted.
    """
    if isinstance(where, str) and where.startswith(("http://", "https://")):
        return _by_http(where, token)
    if token and not is_far(where):
        raise Refused(
            "a token goes with an address like https://desk.example:8321 or tls://trade.example:8322", "usage"
        )
    return _by_gate(gate_at(where, token, ca), via, of)


@asynccontextmanager
async def _by_gate(where: Gate, via: str, of: str) -> AsyncIterator[Desk]:
    desk = Desk(where, via, of)
    await desk.open()
    try:
        yield desk
    finally:
        await desk.close()


@asynccontextmanager
async def _by_http(where: str, token: str) -> AsyncIterator[HttpDesk]:
    from kedge.client.http import HttpDesk

    desk = HttpDesk(where, token)
    try:
        yield desk
    finally:
        await desk.close()
