"""A site: two exchanges in processes of their own, with state files, and a stable of workers.

Whatever is killed is started again: an exchange by its keeper, at the same doors and with the same memory, a
desk by whoever plays.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import msgspec

from tests.crash.scene import PAPER, SECRET, Scene, key_of
from tests.crash.worker import Ended, Job, logs_of

ROOT = Path(__file__).parents[2]
READY_S = 60.0
FIRST_PORT, LAST_PORT = 20_000, 32_000

# ── exchanges ───────────────────────────────────────────────────────────────────────────────────


class Exchange:
    """One exchange with a state file. When it is killed it is started again, at the same doors."""

    def __init__(self, name: str, folder: Path, scene: Scene) -> None:
        self.name = name
        self.port = next(_ports)
        self.control_port = next(_ports)
        self.deaths = 0
        self.runs = 0
        self._scene = scene
        self._state = folder / f"{name}.sqlite"
        self._said = folder / f"{name}.log"
        self._log = os.open(self._said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._read = 0
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._line: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._asking = asyncio.Lock()
        self._up = asyncio.Event()
        self.on_start: Any = lambda: None

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    async def start(self) -> None:
        await self._spawn()
        self._keeper = asyncio.create_task(self._keep(), name=f"keeper of {self.name}")

    async def stop(self) -> None:
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        self._hang_up()
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()
        if self._process is not None:
            _forget(self._process)

    async def renew(self) -> None:
        """An empty exchange instead of one with a long past."""
        await self.stop()
        for path in self._state.parent.glob(f"{self._state.name}*"):
            path.unlink()
        self.runs = 0
        await self.start()

    def complaints(self) -> list[str]:
        """Faults of its own that it has told of on stderr since the last time."""
        with open(self._said) as file:
            file.seek(self._read)
            text = file.read().strip()
            self._read = file.tell()
        return [text[-400:]] if "Traceback" in text else []

    async def ask(self, do: str, **order: Any) -> dict[str, Any]:
        """One order at the control door; patient while the exchange is being started again."""
        body = msgspec.json.encode({"do": do, **order}) + b"\n"
        for _ in range(200):
            async with self._asking:
                line = await self._asked(body)
            if line:
                answer: dict[str, Any] = msgspec.json.decode(line)
                assert answer["ok"], answer
                return answer
            await asyncio.sleep(0.02)
        raise AssertionError(f"{self.name} does not answer at its control door")

    async def _asked(self, body: bytes) -> bytes:
        """One try; b"" when the line broke. Whoever is cancelled here leaves no answer for the next one."""
        line = b""
        try:
            reader, writer = await self._control()
            writer.write(body)
            line = await reader.readline()
        except OSError:
            pass
        finally:
            if not line:
                self._hang_up()
        return line

    async def _control(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        await self._up.wait()
        if self._line is None:
            self._line = await asyncio.open_connection("127.0.0.1", self.control_port, limit=64 << 20)
        return self._line

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line[1].close()
            self._line = None

    async def _spawn(self) -> None:
        options = {
            "port": self.port,
            "control_port": self.control_port,
            "state": str(self._state),
        }
        self._process = process = await asyncio.create_subprocess_exec(
            *self._scene.process(self.name, options),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self._log,
            cwd=ROOT,
        )
        assert process.stdout is not None
        async with asyncio.timeout(READY_S):
            ready = await process.stdout.readline()
        assert ready, f"{self.name} did not start: {self._said.read_text()[-500:]}"
        self.on_start()
        self._up.set()

    async def _keep(self) -> None:
        while True:
            assert self._process is not None
            await self._process.wait()
            self._up.clear()
            self.deaths += 1
            self._hang_up()
            _forget(self._process)
            await self._spawn()


def _free_ports() -> Iterator[int]:
    """Below those that the system gives away by itself: they are free again after a death."""
    for port in itertools.cycle(range(FIRST_PORT + os.getpid() % 1000 * 10, LAST_PORT)):
        with socket.socket() as tried:
            try:
                tried.bind(("127.0.0.1", port))
            except OSError:
                continue
        yield port


_ports = _free_ports()


# ── workers ─────────────────────────────────────────────────────────────────────────────────────


class Stable:
    """The process that forks workers; one at a time."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self.pid = 0

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.crash.worker"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )

    async def begin(self, job: Job) -> asyncio.Task[Ended]:
        """Begin a life; the task ends when the life does."""
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(msgspec.json.encode(job) + b"\n")
        self.pid = int((await self._said())["pid"])
        return asyncio.create_task(self._ended(), name=f"life of {self.pid}")

    async def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            _forget(self._process)

    async def _ended(self) -> Ended:
        return Ended((await self._said())["status"])

    async def _said(self) -> dict[str, int]:
        assert self._process is not None
        assert self._process.stdout is not None
        return msgspec.json.decode(await self._process.stdout.readline(), type=dict[str, int])


def _forget(process: asyncio.subprocess.Process) -> None:
    """Close our ends of a dead process's pipes now, not when they are collected."""
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()


# ── a place to play ─────────────────────────────────────────────────────────────────────────────


class Site:
    def __init__(self, folder: Path, scene: Scene) -> None:
        self.folder = folder
        self.scene = scene
        self.exchanges = {name: Exchange(name, folder, scene) for name in scene.prices}
        self.stable = Stable()
        self.pids = folder / "pids.json"
        self.runs = 0

    @classmethod
    @contextlib.asynccontextmanager
    async def start(cls, folder: Path, scene: Scene = PAPER) -> AsyncIterator[Site]:
        folder.mkdir(parents=True, exist_ok=True)
        site = cls(folder, scene)
        for exchange in site.exchanges.values():
            exchange.on_start = site._write_pids
        try:
            await asyncio.gather(
                site.stable.start(), *(exchange.start() for exchange in site.exchanges.values())
            )
            yield site
        finally:
            await site.stable.stop()
            for exchange in site.exchanges.values():
                await exchange.stop()
                os.close(exchange._log)

    async def new_home(self, number: int) -> Path:
        """A home whose accounts nobody has used, and a market at its usual prices."""
        self.runs += 1
        for exchange in self.exchanges.values():
            exchange.runs += 1
            if exchange.runs > self.scene.runs_per_exchange:
                await exchange.renew()
        home = self.folder / f"r{number}"
        home.mkdir(mode=0o700)
        logs_of(home).mkdir()
        lines = ["[journal]", "snapshot_every_records = 100", "[recorder]", "segment_mb = 1"]
        lines += self.scene.settings(number, {name: one.port for name, one in self.exchanges.items()})
        await self.scene.welcome(self, number)
        (home / "kedge.toml").write_text("\n".join(lines) + "\n")
        if self.scene.keys:
            with open(os.open(home / "secrets.toml", os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:
                file.write(f'DESK_KEY = "{key_of(number)}"\nDESK_SECRET = "{SECRET}"\n')
        (home / "bots.toml").write_text("# Bots come by command.\n")
        return home

    def _write_pids(self) -> None:
        pids = {name: one.pid for name, one in self.exchanges.items() if one._process is not None}
        fresh = self.pids.with_suffix(".new")
        fresh.write_bytes(msgspec.json.encode(pids))
        os.replace(fresh, self.pids)
