"""What the tours of all venues share: a simulator as a process of its own, and its control door.

The SDKs live in an environment of their own, so nothing of ours is imported here: the simulator is whatever
KEDGE_SIM names (by default this checkout's `kedge sim`), and the control door is spoken to as anybody would.

    with Simulator("bybit", tmp_path) as sim:
        client = Client(endpoint=sim.http)
        sim.control("price", symbol="linear:BTCUSDT", price="61000")
        sim.kill(); sim.start()                     the power is cut, and comes back on the same ports
"""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

ROOT = Path(__file__).resolve().parent.parent.parent
WITHIN_S = 60.0  # a safety net against hanging, never a measurement
PAUSE_S = 0.02

T = TypeVar("T")


class Simulator:
    """One `kedge sim VENUE`, with a state file, on ports that stay the same over restarts."""

    def __init__(
        self, venue: str, folder: Path, *, market: str = "still", flags: tuple[str, ...] = ()
    ) -> None:
        self.venue = venue
        self.folder = folder
        self.market = market
        self.flags = flags
        self.ready: dict[str, Any] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._control_port = 0

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def ws(self) -> str:
        return f"ws://127.0.0.1:{self._port}"

    def start(self) -> None:
        assert self._process is None, "it runs already"
        program = shlex.split(os.environ.get("KEDGE_SIM", f"{ROOT}/.venv/bin/kedge sim"))
        command = [*program, self.venue, "--port", str(self._port), "--control-port", str(self._control_port)]
        command += ["--market", self.market, "--seed", "7", "--state", str(self.folder / "sim.sqlite")]
        log = (self.folder / "sim.log").open("ab")
        with log:
            self._process = subprocess.Popen([*command, *self.flags], stdout=subprocess.PIPE, stderr=log)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, f"the simulator said nothing: {(self.folder / 'sim.log').read_text()[-2000:]}"
        self.ready = json.loads(line)
        self._port, self._control_port = self.ready["port"], self.ready["control_port"]

    def kill(self) -> None:
        """As a power cut does."""
        self._end("kill")

    def stop(self) -> None:
        self._end("terminate")

    def _end(self, how: str) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        getattr(process, how)()
        process.wait(WITHIN_S)
        assert process.stdout is not None
        process.stdout.close()

    def control(self, do: str, **members: Any) -> dict[str, Any]:
        """One order at the control door; its answer, which must be yes."""
        answer = self.ask(do, **members)
        assert answer.get("ok"), f"{do} {members}: {answer}"
        return answer

    def ask(self, do: str, **members: Any) -> dict[str, Any]:
        """The same, whatever the answer."""
        with socket.create_connection(("127.0.0.1", self._control_port), WITHIN_S) as door:
            door.sendall(json.dumps({"do": do, **members}).encode() + b"\n")
            with door.makefile("rb") as lines:
                answer: dict[str, Any] = json.loads(lines.readline())
        return answer

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def eventually(look: Callable[[], T], what: str) -> T:
    """Wait until `look` finds something; what it found."""
    deadline = time.monotonic() + WITHIN_S
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"it did not come to this within {WITHIN_S:g} s: {what}"
        time.sleep(PAUSE_S)
