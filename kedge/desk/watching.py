"""`kedge watch`: looks at the engine through its door again and again, and acts on what `watch.py` judges.

    eyes      one look: the door, the disk, the desk's page, new error lines in the logs
    judge     what it means (pure)
    keeper    starts and kills, where it was asked for with --restart
    herald    tells people: by the log always, by the post's channels where it is there

The watch is a process of its own: it looks from outside, and a stuck engine or desk does not stick to it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import signal
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import aiohttp
import msgspec
from msgspec import Struct

from kedge import client
from kedge.client import DeskAway, FarGate, Refused
from kedge.desk.keeper import Keeper
from kedge.desk.meters import Picture
from kedge.desk.meters_port import MetricsPort, token_of
from kedge.desk.notices import Level, Notice
from kedge.desk.relief import Relief
from kedge.desk.watch import ERRORS_WITHIN_NS, Door, Memory, Sight, Verdict, judge
from kedge.home import Home
from kedge.logs import Line, Log
from kedge.logs.reading import Follower, last_lines, wanted
from kedge.model.exits import Exit, Halt
from kedge.model.looks import Status
from kedge.service.notify import Notifier
from kedge.settings import Secrets, Settings

ANSWER_S = 8.0
PAGE_S = 5.0
# Whose error lines are counted: not our own, or the watch would hear its own alarms.
LISTENED = ("engine", "desk")
ERRORS_MAX = 1_000
MEMORY_BYTES_MAX = 1 << 20

Clock = Callable[[], int]
Herald = Callable[[Sequence[Notice]], Awaitable[None]]

wall: Clock = time.time_ns  # storm-ok: the watch stands outside of every storm


class Options(Struct, frozen=True):
    restart: tuple[str, ...] = ()  # the command that starts the engine; empty: nothing is started
    listen: str = ""
    desk: bool = False  # whether the web desk is looked at too


# ── one look ────────────────────────────────────────────────────────────────────────────────────


class Eyes:
    """Takes looks. `hear` is how new error lines come in: followed, or read once."""

    def __init__(self, home: Home, settings: Settings, options: Options, clock: Clock = wall) -> None:
        self._home, self._settings, self._options, self.clock = home, settings, options, clock
        self._follower: Follower | None = None
        self._errors: deque[Line] = deque(maxlen=ERRORS_MAX)

    def follow(self) -> None:
        self._follower = Follower(self._home.logs, LISTENED)

    def close(self) -> None:
        if self._follower is not None:
            self._follower.close()

    async def look(self) -> Sight:
        patience_s = min(ANSWER_S, self._settings.watch.stuck_s)
        far = client.gate_of(self._home) if self._settings.desk.gate else None
        where = far or self._home.socket(self._settings.desk.cell)
        door, why, status = await ask(where, patience_s)
        desk = await page_trouble(self._home) if self._options.desk else ""
        errors = self._listen()
        return Sight(
            now_ns=self.clock(),
            door=door,
            why=why,
            status=status,
            free_bytes=_free_bytes(self._home.root),
            desk=desk,
            errors=len(errors),
            last_error=errors[-1].says[:200] if errors else "",
        )

    def _listen(self) -> list[Line]:
        is_error = wanted("error")
        if self._follower is not None:
            self._errors.extend(line for line in self._follower.new_lines() if is_error(line))
            found = list(self._errors)
        else:
            found = last_lines(self._home.logs, LISTENED, is_error, ERRORS_MAX)
        after_ns = self.clock() - ERRORS_WITHIN_NS
        return [line for line in found if line.ts_ns > after_ns]


async def ask(path: Path | FarGate, patience_s: float = ANSWER_S) -> tuple[Door, str, Status | None]:
    """How the engine answers now: the door, why it is not open, what it says."""
    try:
        async with asyncio.timeout(patience_s), client.connect(path, via="watch") as desk:
            return "here", "", await desk.status()
    except TimeoutError:
        return "silent", f"it holds its socket open and has not answered for {patience_s:g} s", None
    except DeskAway as away:
        return "away", str(away), None
    except Refused as refused:
        return "refused", str(refused), None


async def page_trouble(home: Home) -> str:
    """Why the desk process does not answer where it said that it listens; "" when it does, or never began."""
    try:
        said = (home.root / "desk.address").read_text().strip()[:200]
    except OSError:
        return ""
    address = re.sub(r"//(0\.0\.0\.0|\[::\])", "//127.0.0.1", said).rstrip("/") + "/healthz"
    timeout = aiohttp.ClientTimeout(total=PAGE_S)
    try:
        # Whether it turns is asked, not who it is: the certificate names the public host.
        async with (
            aiohttp.ClientSession(timeout=timeout) as session,
            session.get(address, ssl=False, allow_redirects=False) as reply,
        ):
            return "" if reply.status < 500 else f"{address} answers {reply.status}"
    except TimeoutError:
        return f"{address} has not answered for {PAGE_S:g} s"
    except (aiohttp.ClientError, OSError, ValueError) as error:
        return f"{address}: {error}"


def _free_bytes(root: Path) -> int:
    try:
        return shutil.disk_usage(root).free
    except OSError:
        return -1


# ── what was remembered ─────────────────────────────────────────────────────────────────────────


def read_memory(path: Path) -> Memory:
    """What the last `--once` left; a memory that is not understood is none."""
    try:
        with path.open("rb") as file:
            return msgspec.json.decode(file.read(MEMORY_BYTES_MAX), type=Memory)
    except (OSError, msgspec.DecodeError):
        return Memory()


def write_memory(path: Path, memory: Memory) -> None:
    """Whole or not at all. A full disk is told of by the look itself."""
    beside = path.with_name(f"{path.name}.{os.getpid()}")
    with contextlib.suppress(OSError):
        file = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(file, msgspec.json.encode(memory))
        finally:
            os.close(file)
        beside.replace(path)


# ── the watch ───────────────────────────────────────────────────────────────────────────────────


async def once(eyes: Eyes, home: Home, settings: Settings, herald: Herald) -> Verdict:
    """One look, for cron: patience and repeats go on from the look before."""
    path = home.root / "watch.json"
    memory, verdict = judge(await eyes.look(), read_memory(path), settings.watch)
    write_memory(path, memory)
    await herald(verdict.notices)
    return verdict


class Watch:
    """Looks at an interval until it is told to end."""

    def __init__(
        self, home: Home, settings: Settings, options: Options, log: Log, relief: Relief | None = None
    ) -> None:
        self._home, self._settings, self._options = home, settings, options
        self._log, self._herald, self._relief = log, log_herald(log), relief
        self._service = Notifier()
        self._over = asyncio.Event()
        self._memory = Memory()
        self.eyes = Eyes(home, settings, options)
        cell = settings.desk.cell
        self.keeper = Keeper(options.restart, home.root, cell, log) if options.restart else None
        self._picture = Picture(0, watched=True, away="the watch has not looked yet")

    async def run(self) -> Exit:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._over.set)
        port = await self._open_port()
        signs = loop.create_task(self._service.keep(self._standing), name="service")
        self.eyes.follow()
        try:
            self._service.ready("watching")
            await self._live()
        finally:
            self._service.stopping()
            signs.cancel()
            await asyncio.gather(signs, return_exceptions=True)
            self.eyes.close()
            if port is not None:
                await port.close()
            if self.keeper is not None:
                await self.keeper.stop()
            if self._relief is not None:
                await self._relief.close()
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)
        return Exit.OK

    async def _live(self) -> None:
        while not self._over.is_set():
            await self.step()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.watch.interval_s):
                    await self._over.wait()

    async def step(self) -> Verdict:
        """One look and what follows from it."""
        sight = await self.eyes.look()
        self._memory, verdict = judge(sight, self._memory, self._settings.watch)
        self._see(sight)
        notices = list(verdict.notices)
        if self.keeper is not None and not self._over.is_set():
            for number, said in enumerate(await self.keeper.tend(sight, verdict)):
                key = f"watch/keeper/{sight.now_ns}/{number}"
                notices.append(Notice(key, "engine", _loudness(said), said, sight.now_ns))
        await self._herald(notices)
        if self._relief is not None:
            await self._relief.tell(notices)
        return verdict

    def _see(self, sight: Sight) -> None:
        away = "" if sight.door == "here" else sight.why
        before = self._picture
        since_ns = 0 if not away else before.away_since_ns or sight.now_ns
        back = bool(before.away and before.heard_ns and not away)
        self._picture = Picture(
            now_ns=sight.now_ns,
            status=sight.status,
            heard_ns=sight.now_ns if sight.status is not None else before.heard_ns,
            away=away,
            away_since_ns=since_ns,
            comebacks=before.comebacks + back,
            troubles={"desk": sight.desk} if self._options.desk else {},
            watched=True,
        )

    async def _open_port(self) -> MetricsPort | None:
        if not self._options.listen:
            return None
        token = token_of(self._settings.metrics, Secrets(self._home.secrets))
        port = MetricsPort(self._options.listen, self._now, token)
        try:
            await port.open()
        except OSError as error:
            says = error.strerror or str(error)
            raise Halt(Exit.SETTINGS, f"metrics cannot listen on {self._options.listen}: {says}") from None
        self._log(f"metrics on {port.address}/metrics")
        return port

    def _now(self) -> Picture:
        return msgspec.structs.replace(self._picture, now_ns=self.eyes.clock())

    def _standing(self) -> str:
        wrong = [one.trouble.text for one in self._memory.standing.values() if one.heard]
        return "; ".join(wrong) or "all is well"


def _loudness(said: str) -> Level:
    return "info" if "was started" in said else "alarm"


def log_herald(log: Log) -> Herald:
    """The log hears of everything, whoever else does."""

    async def tell(notices: Sequence[Notice]) -> None:
        for notice in notices:
            level = {"info": "info", "warn": "warn", "alarm": "error"}[notice.level]
            log(notice.text, "info" if notice.over else level, kind=notice.kind)

    return tell
