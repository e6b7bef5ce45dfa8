"""The web server as a part of the desk process: granian in our own loop, so that pages share its picture.

First the people's database is brought up to date and, at the very first start, an owner is made, whose
one-time password is told once. Where that database is away it listens all the same: every page says so in one
sentence (`person.py`), and it is tried again and again.
"""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any

from kedge.desk.parts import DeskContext, Part
from kedge.desk.web import project
from kedge.desk.web.errors import PEOPLE
from kedge.settings import WebSettings

STOP_S = 3.0
THREADS = 1
# How long the start waits for a people's database that neither answers nor refuses.
READY_S = 10.0
# Between tries of a database that is away.
AGAIN_S = 0.5
AGAIN_MOST_S = 10.0
# Granian would set up all of Python's logging anew and shut the desk's own log.
LEAVE_LOGS_ALONE: dict[str, Any] = {"incremental": True, "handlers": {}, "loggers": {"_granian": {}}}


def parts(context: DeskContext) -> list[Part]:
    project.configure(context.home, context.settings, context.secrets)
    project.adopt(context)
    from kedge.desk.web import live, samples

    return [Part("web", serve), Part("live", live.run), Part("equity", samples.run)]


async def serve(context: DeskContext) -> None:
    """Listen until cancelled."""
    from django.core.asgi import get_asgi_application
    from granian.constants import Interfaces
    from granian.log import LogLevels
    from granian.server.embed import Server

    web = context.settings.web
    port = _free_port(web)
    server = Server(
        get_asgi_application(),
        address=web.host,
        port=port,
        interface=Interfaces.ASGINL,
        runtime_threads=THREADS,
        websockets=False,
        log_dictconfig=LEAVE_LOGS_ALONE,
        log_level=LogLevels.error,
        ssl_cert=Path(web.cert).expanduser() if web.cert else None,
        ssl_key=Path(web.key).expanduser() if web.key else None,
    )
    people = People(context)
    ready = asyncio.get_running_loop().create_task(people.make_ready(), name="people")
    await people.tried_once(ready)
    context.say(f"the desk is on {address(web, port)}")
    people.listening.set()
    (context.home.root / "desk.address").write_text(address(web, port) + "\n")
    context.troubles.pop("web", None)
    serving = asyncio.get_running_loop().create_task(server.serve(), name="granian")
    try:
        await asyncio.gather(asyncio.shield(serving), ready)
    finally:
        ready.cancel()
        await asyncio.gather(ready, return_exceptions=True)
        server.stop()  # type: ignore[no-untyped-call]
        try:
            async with asyncio.timeout(STOP_S):
                await asyncio.gather(serving, return_exceptions=True)
        except TimeoutError:
            serving.cancel()


class People:
    """The people's database on its way: tried until it is there and up to date."""

    def __init__(self, context: DeskContext) -> None:
        self._context = context
        self._tried = asyncio.Event()
        self.listening = asyncio.Event()

    async def tried_once(self, ready: asyncio.Task[None]) -> None:
        """A database that is near is ready before anybody can ask; one that is away holds up nothing."""
        trial = asyncio.get_running_loop().create_task(self._tried.wait())
        await asyncio.wait((trial, ready), timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
        trial.cancel()

    async def make_ready(self) -> None:
        once = await self._prepared()
        self._context.people_ready.set()
        self._tried.set()
        await self.listening.wait()
        if once:
            # To whoever started us, and to no log: a password is no line of a file.
            sys.stderr.write(f"sign in as owner with the one-time password {once} (it is shown only now)\n")
            sys.stderr.flush()
        await asyncio.to_thread(warm)

    async def _prepared(self) -> str:
        """Whatever time it takes; the first owner's one-time password, or ""."""
        context, again_s = self._context, AGAIN_S
        while True:
            try:
                once = await asyncio.to_thread(prepare)
            except OSError as away:
                if context.troubles.get(PEOPLE) != str(away):
                    context.say(str(away))
                context.troubles[PEOPLE] = str(away)
                self._tried.set()
                await asyncio.sleep(again_s)
                again_s = min(again_s * 2, AGAIN_MOST_S)
                continue
            if context.troubles.pop(PEOPLE, ""):
                context.say("the people's database is there, and the pages with it")
            return once


def warm() -> None:
    """Load what the first visitor would wait for: addresses, sentences, templates, time zones."""
    from django.template import loader
    from django.urls import reverse
    from django.utils import translation

    from kedge.desk.web.pages import yours

    for language, _name in project.LANGUAGES:
        with translation.override(language):
            reverse("overview")
            translation.gettext("Overview")
    for folder in (project.HERE / "templates", project.HERE / "preorders" / "templates"):
        for path in sorted(folder.rglob("*.html")):
            loader.get_template(path.relative_to(folder).as_posix())
    yours.zones()


def prepare() -> str:
    """Bring the people's database up to date; the first owner's one-time password, or "". Raises `OSError`
    where the database cannot be used."""
    from django.core.management import call_command
    from django.db import DatabaseError, connections

    from kedge.desk.web import people

    try:
        call_command("migrate", interactive=False, verbosity=0)
        return people.first_owner()
    except DatabaseError as error:
        why = str(error).partition("\n")[0]
        raise OSError(
            f"the people's database cannot be used ({why}); check [database] and that it runs"
        ) from None
    finally:
        connections.close_all()


def address(web: WebSettings, port: int) -> str:
    host = f"[{web.host}]" if ":" in web.host else web.host
    return f"{'https' if web.cert else 'http'}://{host}:{port}/"


def _free_port(web: WebSettings) -> int:
    """The port, once it is known to be free: granian itself would only end. Raises `OSError`."""
    family = socket.AF_INET6 if ":" in web.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind((web.host, web.port))
        except OSError as error:
            raise OSError(
                f"{web.host}:{web.port} cannot be listened on ({error.strerror}); is another desk there?"
                " Set [web] port to another one"
            ) from None
        return int(trial.getsockname()[1])
