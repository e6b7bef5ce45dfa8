"""Starting and killing engines: with small programs in their place, and once with the real one."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_port import NOW
from house import eventually

from kedge import logs
from kedge.desk.keeper import HOPELESS_S, START_NS, Keeper, holder
from kedge.desk.watch import Door, Engine, Sight, Verdict
from kedge.journal.lease import FileLock
from kedge.journal.store import lease_of
from kedge.model.exits import Exit

NS = 1_000_000_000
SLEEPS = (sys.executable, "-c", "import time; time.sleep(600)")
DEAF = (sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)")


def ends(code: int) -> tuple[str, ...]:
    return (sys.executable, "-c", f"raise SystemExit({code})")


class Kept:
    """A keeper and the time."""

    def __init__(self, command: tuple[str, ...], root: Path) -> None:
        self.keeper = Keeper(command, root, "main", logs.get("watch"))
        self.now_ns = NOW

    async def tend(
        self, door: Door = "away", engine: Engine = "fine", lasts_s: int = 0, after_s: int = 1
    ) -> list[str]:
        self.now_ns += after_s * NS
        verdict = Verdict(engine, lasts_s * NS, (), (), Exit.OK)
        return await self.keeper.tend(Sight(self.now_ns, door), verdict)

    async def over(self) -> None:
        process = self.keeper._process
        assert process is not None
        await process.wait()


def test_nobody_is_there_so_it_is_started_at_once(tmp_path: Path) -> None:
    async def go() -> None:
        kept = Kept(SLEEPS, tmp_path)
        (said,) = await kept.tend()
        assert "was started" in said
        assert kept.keeper.pid
        assert await kept.tend() == [], "it is starting"
        assert await kept.tend("here") == []
        await kept.keeper.stop()
        assert kept.keeper.pid == 0

    asyncio.run(go())


def test_pauses_grow_and_are_forgotten_after_a_steady_life(tmp_path: Path) -> None:
    async def life(kept: Kept, steady_s: int = 0) -> str:
        while not kept.keeper.pid:
            await kept.tend(after_s=1)
        await kept.over()
        (said,) = await kept.tend("away", after_s=1 + steady_s)
        return said.rpartition(" in ")[2]

    async def go() -> None:
        kept = Kept(ends(75), tmp_path)
        assert [await life(kept) for _ in range(8)] == [
            "1 s", "2 s", "4 s", "8 s", "16 s", "32 s", "60 s", "60 s",
        ]  # fmt: skip
        assert await life(kept, steady_s=120) == "1 s"

    asyncio.run(go())


def test_what_only_a_person_can_mend_is_not_tried_all_the_time(tmp_path: Path) -> None:
    async def go() -> None:
        kept = Kept(ends(int(Exit.SETTINGS)), tmp_path)
        await kept.tend()
        await kept.over()
        (said,) = await kept.tend()
        assert said == (
            "the engine ended (settings, secrets, bots file or home folder are wrong); "
            f"it is started again in {HOPELESS_S:g} s"
        )
        assert await kept.tend(after_s=290) == []
        assert "was started" in (await kept.tend(after_s=20))[0]
        await kept.over()

    asyncio.run(go())


def test_ours_is_killed_when_it_is_stuck_and_started_again(tmp_path: Path) -> None:
    async def go() -> None:
        kept = Kept(DEAF, tmp_path)
        await kept.tend()
        said = await kept.tend("silent", "stuck", 60)
        assert said == [
            "the engine is stuck for 60 s and was killed",
            "the engine ended (killed by signal 9); it is started again in 1 s",
        ]
        assert await kept.tend(after_s=0) == []
        assert "was started" in (await kept.tend(after_s=2))[0]
        kept.keeper._process.kill()  # type: ignore[union-attr]
        await kept.over()

    asyncio.run(go())


def test_one_that_never_opens_its_door_is_killed(tmp_path: Path) -> None:
    async def go() -> None:
        kept = Kept(SLEEPS, tmp_path)
        await kept.tend()
        assert await kept.tend("away", "away", START_NS // NS - 5) == [], "it may have much to recover"
        assert "does not open its door" in (await kept.tend("away", "away", START_NS // NS + 5))[0]

    asyncio.run(go())


def test_one_that_does_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("kedge.desk.keeper.STOP_S", 0.05)

    async def go() -> int | None:
        kept = Kept(DEAF, tmp_path)
        await kept.tend()
        process = kept.keeper._process
        assert process is not None
        await kept.keeper.stop()
        return process.returncode

    assert asyncio.run(go()) in (-signal.SIGKILL, -signal.SIGTERM)  # it may not have got deaf yet


def test_a_program_that_is_not_there_is_said(tmp_path: Path) -> None:
    kept = Kept((str(tmp_path / "none"),), tmp_path)
    assert asyncio.run(kept.tend()) == ["the engine cannot be started: No such file or directory"]


def test_somebody_elses_engine_is_waited_for(tmp_path: Path) -> None:
    """It was here, and went: perhaps somebody upgrades it."""

    async def go() -> None:
        kept = Kept(SLEEPS, tmp_path)
        assert await kept.tend("here") == []
        assert await kept.tend("away", "fine", 5) == []
        assert "was started" in (await kept.tend("away", "away", 30))[0]
        await kept.keeper.stop()

    asyncio.run(go())


# ── whose process it is ─────────────────────────────────────────────────────────────────────────

HOLDS = """
import sys, time
from pathlib import Path
from kedge.journal.lease import FileLock
from kedge.journal.store import lease_of
lock = FileLock.take(lease_of(Path(sys.argv[2]), "main"), "x", 0)
print("held", flush=True)
time.sleep(600)
"""


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lease, and whose command line is that of `kedge up`."""
    script = tmp_path / "kedge"
    script.write_text(HOLDS)
    process = subprocess.Popen(
        [sys.executable, str(script), "up", str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_a_stuck_engine_of_somebody_elses_is_found_by_its_lease(
    tmp_path: Path, elsewhere: subprocess.Popen[str]
) -> None:
    assert holder(tmp_path, "main") == elsewhere.pid

    async def go() -> None:
        kept = Kept(SLEEPS, tmp_path)
        assert await kept.tend("silent") == []
        (said,) = await kept.tend("silent", "stuck", 60)
        assert said == f"the engine (process {elsewhere.pid}) was stuck for 60 s and was killed"

    asyncio.run(go())
    assert elsewhere.wait(20) == -signal.SIGKILL
    assert holder(tmp_path, "main") == 0, "nobody holds it: the words in the file are old"


def test_nobody_else_is_killed_for_a_number_in_a_file(tmp_path: Path) -> None:
    lock = FileLock.take(lease_of(tmp_path, "main"), "x", 0)
    assert holder(tmp_path, "main") == 0, "it is ourselves"
    stranger = subprocess.Popen(SLEEPS)
    words = f"process {stranger.pid} on {socket.gethostname()} since now"
    lock._write(words)
    assert holder(tmp_path, "main") == 0, "not a Kedge"
    lock._write(f"process {os.getppid()} on elsewhere since now")
    assert holder(tmp_path, "main") == 0, "another machine's"
    lock.release()
    stranger.kill()
    stranger.wait()
    assert holder(tmp_path, "none") == 0


# ── the real one ────────────────────────────────────────────────────────────────────────────────


def test_the_watch_keeps_a_real_engine_running() -> None:
    """Started, killed without a word, frozen, and ended in good order with the watch."""
    with tempfile.TemporaryDirectory(prefix="kw-") as name:
        root = Path(name)
        home = root / "home"
        home.mkdir(mode=0o700)
        (home / "kedge.toml").write_text(
            "[watch]\ninterval_s = 1\naway_s = 1\nstuck_s = 5\n[web]\nenabled = false\n"
        )
        log = root / "log"
        environ = {**os.environ, "KEDGE_HOME": str(home), "XDG_STATE_HOME": str(root)}
        with log.open("wb") as out:
            watch = subprocess.Popen(
                [sys.executable, "-m", "kedge.cli", "watch", "--restart"], env=environ, stdout=out, stderr=out
            )
        try:
            first = _pid_of(log, 1, watch)
            eventually(lambda: "ready" in log.read_text(), "it is up")
            os.kill(first, signal.SIGKILL)
            second = _pid_of(log, 2, watch)
            eventually(lambda: holder(home, "main") == second, "the second is up")
            eventually(lambda: log.read_text().count("stop with Ctrl-C") == 2, "its door is open")
            os.kill(second, signal.SIGSTOP)
            third = _pid_of(log, 3, watch)
            said = log.read_text()
            assert "killed by signal 9" in said
            assert "the engine is stuck for" in said
            eventually(lambda: holder(home, "main") == third, "the third is up")
            watch.send_signal(signal.SIGTERM)
            assert watch.wait(60) == 0
            assert holder(home, "main") == 0
        finally:
            if watch.poll() is None:
                watch.kill()
                watch.wait()


def _pid_of(log: Path, start: int, watch: subprocess.Popen[bytes]) -> int:
    def found() -> list[str]:
        return [part.split(")")[0] for part in log.read_text().split("was started (process ")[1:]]

    eventually(lambda: len(found()) >= start or watch.poll() is not None, f"start {start}")
    assert len(found()) >= start, log.read_text()
    return int(found()[start - 1])
