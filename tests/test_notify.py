"""What systemd is told, over a real datagram socket."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from kedge.service.notify import Notifier


class Manager:
    """systemd's end of the line."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.door = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.door.bind("\0" + address[1:] if address.startswith("@") else address)
        self.door.setblocking(False)

    def environ(self, **more: str) -> dict[str, str]:
        return {"NOTIFY_SOCKET": self.address, "PATH": "/bin", **more}

    def heard(self) -> list[str]:
        found = []
        while True:
            try:
                found.append(self.door.recv(4096).decode())
            except BlockingIOError:
                return found


@pytest.fixture(params=["file", "abstract"])
def manager(request: pytest.FixtureRequest) -> Iterator[Manager]:
    with tempfile.TemporaryDirectory(prefix="kn-") as folder:
        name = str(Path(folder) / "notify")
        made = Manager(name if request.param == "file" else f"@{name}")
        yield made
        made.door.close()


def test_ready_status_and_stopping(manager: Manager) -> None:
    service = Notifier(manager.environ())
    assert service
    service.ready("2 of 2 accounts ready")
    service.status("2 of 2 accounts ready")
    service.status("1 of 2\naccounts ready")
    service.alive()
    service.stopping()
    assert manager.heard() == [
        "READY=1\nSTATUS=2 of 2 accounts ready",
        "STATUS=1 of 2 accounts ready",
        "STOPPING=1\nSTATUS=ending",
    ]


def test_signs_of_life_come_from_the_loop(manager: Manager) -> None:
    environ = manager.environ(WATCHDOG_USEC="3000", WATCHDOG_PID=str(os.getpid()))
    service = Notifier(environ)
    assert service.watchdog_s == 0.003

    async def go() -> list[str]:
        keeping = asyncio.get_running_loop().create_task(service.keep(lambda: "well"))
        found: list[str] = []
        while found.count("WATCHDOG=1") < 3:
            await asyncio.sleep(0.001)
            found += manager.heard()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        return found

    found = asyncio.run(go())
    assert found.count("STATUS=well") == 1


def test_children_do_not_speak_in_our_name(manager: Manager) -> None:
    environ = manager.environ(WATCHDOG_USEC="1000000", WATCHDOG_PID="1")
    service = Notifier(environ)
    assert environ == {"PATH": "/bin"}
    assert service.watchdog_s == 0, "it is another process' watchdog"


def test_without_a_manager_nothing_is_sent_and_nothing_is_lost() -> None:
    for environ in ({}, {"NOTIFY_SOCKET": "/nowhere/at/all"}, {"WATCHDOG_USEC": "5"}):
        service = Notifier(environ)
        service.ready("well")
        service.alive()
        service.stopping()
    assert not Notifier({})


PLANTED = ("pl4nted-Key-0123456789", "pl4nted-S3cret/with+signs=")
SETTINGS = """
[log]
level = "debug"
[accounts."bybit/main"]
url = "http://127.0.0.1:9"
key = "PLANTED_KEY"
secret = "PLANTED_SECRET"
"""


def test_a_real_engine_says_when_it_is_ready_and_when_it_stops_and_keeps_its_secrets() -> None:
    with tempfile.TemporaryDirectory(prefix="kn-") as folder:
        root = Path(folder)
        home = root / "home"
        home.mkdir(mode=0o700)
        (home / "kedge.toml").write_text(SETTINGS)
        manager = Manager(str(root / "notify"))
        environ = {**os.environ, **manager.environ(WATCHDOG_USEC="3000000"), "PATH": os.environ["PATH"]}
        environ |= {"KEDGE_HOME": str(home), "XDG_STATE_HOME": str(root)}
        environ |= {"PLANTED_KEY": PLANTED[0], "PLANTED_SECRET": PLANTED[1]}
        command = [sys.executable, "-m", "kedge.cli", "up", "--for", "3s", "--no-desk", "--json"]
        ran = subprocess.run(command, env=environ, capture_output=True, timeout=120, check=False)
        assert ran.returncode == 0, ran.stderr
        written = [path for path in home.rglob("*") if path.is_file()]
        assert "engine.log" in [path.name for path in written]
        for said in (ran.stdout, ran.stderr, *(path.read_bytes() for path in written)):
            assert not [one for one in PLANTED if one.encode() in said]
        heard = manager.heard()
        manager.door.close()
    assert heard[0].startswith("READY=1\nSTATUS=0 of 1 accounts ready, ")
    assert heard.count("WATCHDOG=1") >= 2
    assert any(said.startswith("STOPPING=1") for said in heard)
