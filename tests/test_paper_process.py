"""The paper venue as a child: it lives exactly as long as its parent, and comes back where it was."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
from house import eventually

from kedge.runtime import paper
from kedge.runtime.paper import PaperFailed, PaperProcess

LONG_S = 60.0  # a safety net against hanging, never a measurement

PARENT = """
import asyncio, sys
from pathlib import Path
from kedge.runtime.paper import PaperProcess

async def main():
    process = PaperProcess(Path(sys.argv[1]), 1, "still")
    print(await process.start(), flush=True)
    await asyncio.sleep(300)

asyncio.run(main())
"""


def answers(port: int) -> bool:
    """Whether a venue greets whoever comes."""
    try:
        with socket.create_connection(("127.0.0.1", port), 5) as line:
            return b"challenge" in line.recv(4096)
    except OSError:
        return False


def reborn(process: PaperProcess, before: object) -> bool:
    return process._process is not before and answers(process.port)


def test_it_ends_when_its_parent_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "paper.sqlite")]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        port = int(parent.stdout.readline())
        assert answers(port)
        parent.send_signal(signal.SIGKILL)
    eventually(lambda: not answers(port), "the venue is gone")
    assert (tmp_path / "paper.sqlite").exists()


def test_it_comes_back_on_the_same_port_and_ends_when_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper, "AGAIN_S", 0.0)

    async def go() -> int:
        process = PaperProcess(tmp_path / "paper.sqlite", 1, "still")
        port = await process.start()
        keeping = asyncio.get_running_loop().create_task(process.keep())
        for _ in range(2):
            child = process._process
            assert child is not None
            assert await asyncio.to_thread(answers, port)
            os.kill(child.pid, signal.SIGKILL)
            await asyncio.to_thread(eventually, partial(reborn, process, child), "another one answers")
            assert process.port == port
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        await process.stop()
        await process.stop()
        return port

    assert not answers(asyncio.run(go()))


def test_it_goes_on_trying_when_it_cannot_be_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paper, "AGAIN_S", 0.0)

    class Unlucky(PaperProcess):
        tries = 0

        async def start(self) -> int:
            self.tries += 1
            if self.tries == 4:
                over.set()
            self._process = None
            raise PaperFailed("no")

    over = asyncio.Event()

    async def go() -> None:
        process = Unlucky(tmp_path / "paper.sqlite", 1, "still")
        keeping = asyncio.get_running_loop().create_task(process.keep())
        async with asyncio.timeout(LONG_S):
            await over.wait()
        assert not keeping.done()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)

    asyncio.run(go())


def test_one_that_does_not_start_is_one_sentence(tmp_path: Path) -> None:
    async def go() -> None:
        process = PaperProcess(tmp_path / "nowhere" / "paper.sqlite", 1, "no such market")
        with pytest.raises(PaperFailed, match="the paper venue did not start"):
            await process.start()

    asyncio.run(go())
