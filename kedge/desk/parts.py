"""What the parts of the desk process share: one picture of the engine, the tables, the people's database.

A `Part` is one thing that the process keeps running: the web server, the follower of the tables, Telegram. It
is a name and a coroutine function that is given the context and runs until it is cancelled. A part that ends
or fails is started again with back-off by `process.py`; no part waits for another, and none may hold up the
loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from kedge.home import Home
from kedge.settings import Secrets, Settings

if TYPE_CHECKING:
    from kedge.desk.link import Link

Say = Callable[[str], None]
Clock = Callable[[], int]


@dataclass
class DeskContext:
    """Made once per desk process. `tables` and `people` are None until their parts have opened them."""

    home: Home
    settings: Settings
    secrets: Secrets
    link: Link
    say: Say
    clock: Clock
    cell: str
    # kedge.desk.tables: `Tables` (rows, paged) and `Database` (the people's).
    tables: Any = None
    people: Any = None
    # How many notices wait and since when, for the metrics; -1: not known.
    outbox: tuple[int, int] = (-1, 0)
    # Set when the people's database is up to date: whoever writes there waits for it.
    people_ready: asyncio.Event = field(default_factory=asyncio.Event)
    # What is wrong with a part now; a part that is well takes its name out.
    troubles: dict[str, str] = field(default_factory=dict)


class Part(Struct, frozen=True):
    name: str
    run: Callable[[DeskContext], Awaitable[None]]
