"""How long a list takes as a page: address in, HTML out, with 100,000 orders and 500,000 fills behind it.

The whole way at the server, over ASGI: session, person, query, count, cells, template. Only the socket is
left out, which is not ours to make quicker.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

from bench.kit import Budget, Part, Size, Table, child, folder
from bench.lists import BATCH, FILLS_EACH, MOST_MS, entries
from kedge.desk.link import Link
from kedge.desk.parts import DeskContext
from kedge.desk.tables.database import Database
from kedge.desk.tables.people import rows_address
from kedge.desk.tables.projection import Projection
from kedge.desk.tables.tables import Tables
from kedge.desk.web import project
from kedge.home import Home
from kedge.settings import Secrets, Settings, WebSettings

NAME, TITLE = "pages", "Lists of the desk as pages"
ROUNDS = 15
PASSWORD = "correct horse staple"
LISTS = ("orders", "fills", "positions", "position-history", "decisions", "journal", "days")
# What a person does with a list, as an address has it.
ASKED = ("", "?bot=peg-3", "?page=40", "?q=peg-3", "?span=year&sort=-time", "?rows=100")
SORTED = {"orders": "?sort=-price&state=closed", "fills": "?sort=realised", "decisions": "?sort=-qty"}


def measure(size: Size) -> Part:
    orders = size.of(100_000, 60)
    part = Part(TITLE)
    with folder() as home:
        # Django is configured once per process: not in ours.
        took = child("bench.pages", "walk", home=str(home), orders=orders, rounds=size.of(ROUNDS, 1))
    rows = [
        (where, f"{_at(times, 50):.1f} ms", f"{_at(times, 95):.1f} ms", f"{max(times):.1f} ms")
        for where, times in took.items()
    ]
    worst = max(took, key=lambda where: _at(took[where], 95))
    part.says = [
        f"{orders:,} orders, {orders * FILLS_EACH:,} fills, SQLite. From the request to the whole page over"
        " ASGI, one after the other, a signed-in viewer, by the clock."
    ]
    part.budgets.append(Budget(f"a page, p95 of the slowest (/{worst})", _at(took[worst], 95), MOST_MS, "ms"))
    part.tables = [Table(("page", "p50", "p95", "worst"), rows)]
    return part


def walk(home: str, orders: int, rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each page, round after round."""
    return asyncio.run(_walk(_desk(Home(Path(home)), orders), rounds))


def _desk(home: Home, orders: int) -> DeskContext:
    home.root.chmod(0o700)
    secrets = Secrets(home.secrets)
    # The name by which Django's own client asks.
    settings = Settings(web=WebSettings(names=("testserver",)))
    project.configure(home, settings, secrets)
    database = Database(rows_address(home, settings, secrets))
    projection = Projection(database, "main")
    projection.open()
    batch: list[Any] = []
    for entry in entries(orders):
        batch.append(entry)
        if len(batch) == BATCH:
            projection.apply(batch)
            batch = []
    projection.apply(batch)
    projection.make_indexes()
    link = Link(home.socket("main"), time.time_ns)
    context = DeskContext(home, settings, secrets, link, lambda said: None, time.time_ns, "main")
    context.tables = Tables(database, "main")
    project.adopt(context)
    return context


async def _walk(context: DeskContext, rounds: int) -> dict[str, list[float]]:
    from asgiref.sync import sync_to_async
    from django.contrib.auth.models import User
    from django.test import AsyncClient

    await sync_to_async(_people)()
    client = AsyncClient()
    await client.aforce_login(
        await sync_to_async(User.objects.get)(username="vic"), "django.contrib.auth.backends.ModelBackend"
    )
    took: dict[str, list[float]] = {}
    for name in LISTS:  # templates are read and addresses resolved once
        await client.get(f"/{name}/")
    for _ in range(rounds):
        for where in (f"{name}/{asked}" for name in LISTS for asked in (*ASKED, SORTED.get(name, ""))):
            began = time.perf_counter()
            page = await client.get(f"/{where}")
            took.setdefault(where, []).append((time.perf_counter() - began) * 1000)
            assert page.status_code == 200, where
    return took


def _people() -> None:
    from django.core.management import call_command
    from django.db import connections

    from kedge.desk.web import people

    call_command("migrate", interactive=False, verbosity=0)
    people.add("vic", "viewer", PASSWORD)
    connections.close_all()


def _at(times: list[float], percent: int) -> float:
    return sorted(times)[min(len(times) - 1, len(times) * percent // 100)]
