"""A web desk in a test: the real pages over ASGI, the real gate, a fake engine behind it.

    def test_it() -> None:
        async def run(web: Web) -> None:
            await web.sign_in("ann", "trader")
            page = await web.get("/bots/")
            assert "hedge-1" in page.text

        at_a_desk(run)

Django is configured once per process, so all tests of a process share one home for the people's database; it
is emptied before each test. The engine is each test's own.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from asgiref.sync import sync_to_async
from fake_port import FakePort, a_gate, short_folder

from kedge.desk.link import Link
from kedge.desk.parts import DeskContext
from kedge.desk.web import project
from kedge.home import Home
from kedge.settings import Secrets, Settings, WebSettings

PASSWORD = "correct horse staple"
ROWS = ("orders", "fills", "positions", "decisions", "notes", "held", "bots", "story", "commands")

_homes: list[Home] = []


def a_home() -> Home:
    """The home of this process's people, its database made."""
    if not _homes:
        folder = tempfile.mkdtemp(prefix="kedge-web-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        home = Home(Path(folder))
        home.root.chmod(0o700)
        named = Settings(web=WebSettings(names=("testserver",)))
        project.configure(home, named, Secrets(home.secrets))
        _homes.append(home)
    return _homes[0]


# At import: modules with models can be imported only after it.
a_home()
_made: list[Home] = []


def _empty() -> None:
    """The people's database, made where it is not, with nobody in it."""
    from django.conf import settings as chosen
    from django.core.management import call_command

    from kedge.desk.web import people

    if not _made:
        # Ten thousand rounds of a hash protect nobody here.
        chosen.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
        call_command("migrate", interactive=False, verbosity=0)
        _made.append(a_home())
    call_command("flush", interactive=False, verbosity=0)
    people.ensure_groups()
    _close()


def at_a_desk(
    test: Callable[[Web], Awaitable[None]], port: FakePort | None = None, settings: Settings | None = None
) -> None:
    _empty()
    asyncio.run(_run(test, port or a_port(), a_home(), settings or Settings()))


def a_port() -> FakePort:
    port = FakePort()
    port.rows = {name: [] for name in ROWS}
    return port


async def _run(
    test: Callable[[Web], Awaitable[None]], port: FakePort, home: Home, settings: Settings
) -> None:
    from kedge.desk.web import live

    with short_folder() as folder:
        async with a_gate(port, folder / "main.sock"):
            link = Link(folder / "main.sock", ticking())
            context = DeskContext(
                home, settings, Secrets(home.secrets), link, lambda said: None, ticking(), "main"
            )
            project.adopt(context)
            heard = asyncio.Event()
            link.on_status(heard.set)
            tasks = [asyncio.create_task(link.run()), asyncio.create_task(live.run(context))]
            try:
                async with asyncio.timeout(20):
                    await heard.wait()
                await test(Web(context, port))
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
                await sync_to_async(_close)()


def ticking() -> Callable[[], int]:
    from fake_port import NOW

    return lambda: NOW


def _close() -> None:
    from django.db import connections

    connections.close_all()


class Page:
    """An answer, by what a person sees of it."""

    def __init__(self, response: Any) -> None:
        self.response = response
        self.status: int = response.status_code
        self.where: str = response.headers.get("Location", "")
        self.headers = response.headers
        self.text: str = "" if response.streaming else response.content.decode()

    def field(self, name: str) -> str:
        """The value of a hidden input."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text)
        assert found, f"no field {name} on the page"
        return found[1]


class Web:
    """One browser. CSRF is checked as for a real one."""

    def __init__(self, context: DeskContext, port: FakePort) -> None:
        from django.test import AsyncClient

        self.context, self.port = context, port
        self.client = AsyncClient(enforce_csrf_checks=True)
        self.csrf = ""

    def another(self) -> Web:
        return Web(self.context, self.port)

    async def get(self, where: str, **headers: str) -> Page:
        page = Page(await self.client.get(where, headers=headers or None))
        with contextlib.suppress(AssertionError):
            self.csrf = page.field("csrfmiddlewaretoken")
        return page

    async def post(self, where: str, **fields: str) -> Page:
        return Page(await self.client.post(where, {"csrfmiddlewaretoken": self.csrf, **fields}))

    async def person(self, name: str, group: str, password: str = PASSWORD) -> None:
        from kedge.desk.web import people

        await sync_to_async(people.add)(name, group, password)

    async def sign_in(self, name: str, group: str = "", password: str = PASSWORD) -> Page:
        """Make the person where a group is given, and come in."""
        if group:
            await self.person(name, group)
        await self.get("/sign-in/")
        page = await self.post("/sign-in/", username=name, password=password)
        await self.get("/you/")
        return page
