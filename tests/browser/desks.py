"""A whole desk for a browser: real processes in a home of their own, killed and started as a test wishes.

    desk = RunningDesk(home)          `kedge up`: engine, paper venue, bots, pages
    desk = RunningDesk(home, apart=True)   engine and pages as two services: each may be killed alone

Everything it starts is ended by `end`, however the test went.
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
from house import ROOT, eventually

OWNER = "owner"
PASSWORD = "browser at the quay"
START_S = 90.0

_ONCE = re.compile(r"one-time password (\S+)")


class RunningDesk:
    def __init__(self, home: Path, apart: bool = False, settings: str = "") -> None:
        self.home = home
        self.apart = apart
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
        self.port = a_free_port()
        if settings:
            (home / "kedge.toml").write_text(settings)
        self._engine: subprocess.Popen[bytes] | None = None
        self._pages: subprocess.Popen[bytes] | None = None

    # ── its life ────────────────────────────────────────────────────────────────────────────────

    def start(self) -> None:
        try:
            self.start_engine()
            if self.apart:
                self.start_pages()
            eventually(self.answers, "the pages answer", START_S)
        except BaseException:
            self.end()
            raise

    def start_engine(self) -> None:
        self._engine = self._run("up", *(["--no-desk"] if self.apart else []))
        eventually(self._gate_is_open, "the engine opens its gate", START_S)

    def start_pages(self) -> None:
        self._pages = self._run("desk")

    def kill_engine(self) -> None:
        assert self._engine is not None
        self._engine.kill()
        self._engine.wait()

    def kill_pages(self) -> None:
        """Without a word; under `kedge up` they are started again by it."""
        os.kill(self.pages_pid(), signal.SIGKILL)
        if self._pages is not None:
            self._pages.wait()

    def end(self) -> None:
        for process in (self._pages, self._engine):
            if process is not None and process.poll() is None:
                process.terminate()
        for process in (self._pages, self._engine):
            if process is not None:
                try:
                    process.wait(20)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

    # ── what is asked of it ─────────────────────────────────────────────────────────────────────

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def engine_pid(self) -> int:
        assert self._engine is not None
        return self._engine.pid

    def pages_pid(self) -> int:
        if self._pages is not None:
            return self._pages.pid
        return next(pid for pid in children_of(self.engine_pid) if "desk_child" in command_of(pid))

    def answers(self) -> bool:
        for process in (self._engine, self._pages):
            assert process is None or process.poll() is None, f"it ended:\n{self.said()}"
        try:
            with socket.create_connection(("127.0.0.1", self.port), 5):
                return True
        except OSError:
            return False

    def said(self) -> str:
        """All that its processes wrote to their terminal."""
        return "".join(path.read_text() for path in sorted(self.home.glob("*.said")))

    def one_time_password(self) -> str:
        eventually(lambda: _ONCE.search(self.said()), "the one-time password is shown")
        found = _ONCE.search(self.said())
        assert found
        return found[1]

    def kedge(self, *words: str, given: str | None = None) -> str:
        """What a command on the same machine prints."""
        done = subprocess.run(
            [sys.executable, "-m", "kedge.cli", *words],
            env=self._environment(),
            input=given,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, f"kedge {' '.join(words)}: {done.stdout}{done.stderr}"
        return done.stdout + done.stderr

    def json(self, *words: str) -> Any:
        return msgspec.json.decode(self.kedge(*words, "--json"))

    def _gate_is_open(self) -> bool:
        assert self._engine is not None
        assert self._engine.poll() is None, f"the engine ended:\n{self.said()}"
        with socket.socket(socket.AF_UNIX) as door:
            try:
                door.connect(str(self.home / "main.sock"))
            except OSError:
                return False
        return True

    def _run(self, *words: str) -> subprocess.Popen[bytes]:
        with (self.home / f"{words[0]}.said").open("ab") as said:
            return subprocess.Popen(
                [sys.executable, "-m", "kedge.cli", *words],
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                start_new_session=True,
            )

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("KEDGE")}
        return {**kept, "KEDGE_HOME": str(self.home), "KEDGE__WEB__PORT": str(self.port)}


@contextlib.contextmanager
def running(home: Path, apart: bool = False, settings: str = "") -> Iterator[RunningDesk]:
    desk = RunningDesk(home, apart, settings)
    desk.start()
    try:
        yield desk
    finally:
        desk.end()


def an_own_kind(home: Path) -> None:
    """The bot of the how-to page, as a person would have written it: kind my_module:Ladder."""
    page = (ROOT / "docs" / "how-to" / "write-a-bot.md").read_text()
    found = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert found
    (home / "bots").mkdir(parents=True, exist_ok=True)
    (home / "bots" / "my_module.py").write_text(found[1])


def a_free_port() -> int:
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def children_of(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            # The name may hold spaces and brackets; what follows the last one is plain.
            if int((entry / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found.append(int(entry.name))
    return found


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
