"""Hedge from a Python shell, or from any script, without `await`:

    >>> import kedge
    >>> kedge.market_data()
    >>> opened = kedge.open_hedge("0.05", comment="by hand")
    >>> kedge.positions(status="open")
    >>> kedge.close_hedge(opened.position_id)

Without more it is the desk of this machine's home, at its gate. With `desk="https://desk.example:8321"` and
`token="kedge_..."` (or KEDGE_DESK and KEDGE_TOKEN in the environment) it is a desk anywhere, over REST.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

from kedge import client, settings
from kedge import home as homes
from kedge.client import Desk, Refused, new_command_id
from kedge.client.http import HttpDesk
from kedge.desk.hedges import service, shapes
from kedge.desk.hedges.service import Closing, Opened
from kedge.settings import HedgeSettings, Settings

T = TypeVar("T")
Amount = str | int | float | Decimal


def open_hedge(
    sum_btc: Amount | None = None,
    *,
    comment: str = "",
    preorder: str | int = "",
    desk: str | Path | None = None,
    token: str = "",
    command_id: str = "",
) -> Opened:
    """Open a hedge as `[hedge]` says. With a `preorder` and no amount, that preorder's own (over REST only).

    Raises `Refused` and `DeskAway`; give the `command_id` of a `DeskAway` to ask again without opening twice.
    """
    key = command_id or new_command_id()
    amount = None if sum_btc is None else service.read_sum(sum_btc)

    async def by_gate(at: Desk, chosen: Settings) -> Opened:
        if amount is None:
            raise Refused("say how much: open_hedge(0.05); only REST knows the sum of a preorder", "usage")
        held = str(preorder)
        return await service.open_hedge(
            at, chosen.hedge, amount, comment=comment, preorder=held, command_id=key
        )

    async def by_http(at: HttpDesk) -> Opened:
        return Opened(**await at.open_hedge(amount, comment=comment, preorder=str(preorder), command_id=key))

    return _run(desk, token, by_gate, by_http)


def close_hedge(
    position_id: str, *, desk: str | Path | None = None, token: str = "", command_id: str = ""
) -> Closing:
    """Have a position closed. Raises `Refused` and `DeskAway`."""
    key = command_id or new_command_id()

    async def by_gate(at: Desk, chosen: Settings) -> Closing:
        hedge = await service.find_hedge(at, position_id)
        return await service.close_hedge(at, hedge, command_id=key)

    async def by_http(at: HttpDesk) -> Closing:
        return Closing(**await at.close_hedge(position_id, command_id=key))

    return _run(desk, token, by_gate, by_http)


def market_data(*, desk: str | Path | None = None, token: str = "") -> shapes.Shape:
    """`rate`, `position_info` and `wallet_info` of the hedge market, in exact numbers."""

    async def by_gate(at: Desk, chosen: Settings) -> shapes.Shape:
        return await service.market_data(at, chosen.hedge, leverage_of(chosen))

    async def by_http(at: HttpDesk) -> shapes.Shape:
        return dict(await at.get("/main/market-data/"))

    return _run(desk, token, by_gate, by_http)


def position(position_id: str, *, desk: str | Path | None = None, token: str = "") -> shapes.Shape:
    """One position with its orders in and out, and the margin between them."""

    async def by_gate(at: Desk, chosen: Settings) -> shapes.Shape:
        hedge = await service.find_hedge(at, position_id)
        row = await service.instrument(at, hedge.market)
        return shapes.position_data(hedge, {}, row, chosen.hedge.through)

    async def by_http(at: HttpDesk) -> shapes.Shape:
        return dict(await at.get(f"/main/position-data/{position_id}/"))

    return _run(desk, token, by_gate, by_http)


def positions(
    *, status: str = "", sort: str = shapes.NEWEST_FIRST, desk: str | Path | None = None, token: str = ""
) -> list[shapes.Shape]:
    """Positions; `status` open or closed; `sort` by any column, `-` before it: downwards."""
    name, down = sort.removeprefix("-"), sort.startswith("-")
    if name not in shapes.SORTS:
        raise Refused(
            f"positions cannot be sorted by {name!r}; there are: {', '.join(shapes.SORTS)}", "usage"
        )

    async def by_gate(at: Desk, chosen: Settings) -> list[shapes.Shape]:
        found = [one for one in await service.hedges(at) if status in ("", one.status)]
        markets = dict.fromkeys(one.market for one in found)
        rows = {market: await service.instrument(at, market) for market in markets}
        lines = [shapes.position_row(one, {}, rows[one.market]) for one in found]
        return shapes.in_order(lines, name, down)

    async def by_http(at: HttpDesk) -> list[shapes.Shape]:
        asked = {"sortBy": name, "sortDesc": str(down).lower(), **({"status": status} if status else {})}
        return await at.pages("/main/positions/", asked)

    return _run(desk, token, by_gate, by_http)


def preorders(*, desk: str | Path | None = None, token: str = "") -> list[shapes.Shape]:
    """Preorders, the newest first. They are the desk's own, so this asks by REST."""

    async def by_gate(at: Desk, chosen: Settings) -> list[shapes.Shape]:
        raise Refused("preorders are asked for by REST: give desk= and token=", "usage")

    async def by_http(at: HttpDesk) -> list[shapes.Shape]:
        return await at.pages("/main/preorders/", {})

    return _run(desk, token, by_gate, by_http)


def leverage_of(chosen: Settings, hedge: HedgeSettings | None = None) -> Decimal | None:
    """As the settings set it; None where they leave it to the venue."""
    account, _, symbol = (hedge or chosen.hedge).market.partition(":")
    found = chosen.accounts.get(account)
    return found.leverage.get(symbol) if found else None


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _run(
    desk: str | Path | None,
    token: str,
    by_gate: Callable[[Desk, Settings], Awaitable[T]],
    by_http: Callable[[HttpDesk], Awaitable[T]],
) -> T:
    where = desk if desk is not None else os.environ.get("KEDGE_DESK") or None
    if isinstance(where, str) and where.startswith(("http://", "https://")):
        return _wait(_over_http(where, token or os.environ.get("KEDGE_TOKEN", ""), by_http))
    return _wait(_at_gate(where, by_gate))


async def _over_http(where: str, token: str, ask: Callable[[HttpDesk], Awaitable[T]]) -> T:
    async with client.connect(where, token=token) as desk:
        return await ask(desk)


async def _at_gate(where: str | Path | None, ask: Callable[[Desk, Settings], Awaitable[T]]) -> T:
    chosen = settings.load(homes.find(where).settings)
    async with client.connect(where) as desk:
        return await ask(desk, chosen)


def _wait(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end; inside a loop that runs already (a notebook) in a thread beside it."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(1, "kedge-shell") as beside:
        return beside.submit(asyncio.run, work).result()
