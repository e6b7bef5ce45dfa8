"""A desk's pages as another process, and somebody who looks at them: for the benches `live` and `burden`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

from bench.kit import ROOT

START_S = 60.0


def run_kedge(home: Path, *words: str) -> subprocess.Popen[bytes]:
    """A command of Kedge's in this home, its words in a file beside it; no setting of this shell counts."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("KEDGE_")}
    env = {**kept, "PYTHONPATH": str(ROOT), "KEDGE_HOME": str(home), "KEDGE__WEB__PORT": "0"}
    with (home / "said").open("ab") as said:
        return subprocess.Popen(
            [sys.executable, "-m", "kedge.cli", *words],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def address_of(home: Path, process: subprocess.Popen[bytes]) -> str:
    """Where its pages are, once they answer."""
    file = home / "desk.address"
    deadline = time.monotonic() + START_S
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline:
            assert process.poll() is None, (home / "said").read_text()
            if file.exists():
                address = file.read_text().strip().rstrip("/")
                try:
                    async with session.get(f"{address}/sign-in/") as answer:
                        if answer.status == 200:
                            return address
                except aiohttp.ClientConnectionError:
                    pass
            await asyncio.sleep(0.05)
    raise SystemExit(f"the pages did not answer within {START_S:g} s:\n{(home / 'said').read_text()}")


class Looker:
    """Somebody signed in, without a browser."""

    def __init__(self, address: str) -> None:
        self.address = address
        # Addresses by number keep cookies too.
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))

    async def come_in(self, home: Path) -> None:
        """As the owner, with the one-time password; it is changed, as must be."""
        found = re.findall(r"one-time password (\S+)", (home / "said").read_text())
        chosen = secrets.token_urlsafe(12)  # storm-ok: a bench's own password
        await self._send("/sign-in/", username="owner", password=found[-1])
        await self._send("/you/password/", old=found[-1], new=chosen, again=chosen)

    async def _send(self, where: str, **fields: str) -> None:
        async with self.session.get(self.address + where) as page:
            found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', await page.text())
        assert found, where
        data = {"csrfmiddlewaretoken": found[1], **fields}
        async with self.session.post(self.address + where, data=data) as answer:
            assert answer.status == 200, (where, answer.status, await answer.text())

    async def live(self, topic: str) -> AsyncIterator[dict[str, Any]]:
        """What the stream of a page says, as it comes."""
        nothing_to_wait_for = aiohttp.ClientTimeout(total=None)
        where = f"{self.address}/live/?topic={topic}"
        async with self.session.get(where, timeout=nothing_to_wait_for) as answer:
            assert answer.status == 200
            event = b""
            async for piece in answer.content.iter_any():
                event += piece
                while b"\n\n" in event:
                    one, _, event = event.partition(b"\n\n")
                    for line in one.split(b"\n"):
                        if line.startswith(b"data: "):
                            yield json.loads(line[6:])

    async def close(self) -> None:
        await self.session.close()
