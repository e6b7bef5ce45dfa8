"""From a book at the venue to an order at the venue, over sockets on loopback: the round, our share of it.

Everyone answers the same venue (`lean_server.py`) with the same deed: when the spread opens to two ticks,
an order at the best bid; when it closes, the cancel. The venue's process takes the time of the round: from
right before it sends the book's message to the moment the order's bytes are in its hands.

    echo       picows and the loop, which answer any frame with the bytes of an order: the least there is
    early      Kedge; a post-only quote, journalled with the send
    waits      Kedge; the order waits until its intent is durable, as everything does that takes liquidity
    ccxt       `watch_order_book` and `create_order`; or `create_order_ws`, so that both go by WebSocket
    nautilus   nautilus_trader's live node and its Bybit adapter, orders by WebSocket

Each is a venue and a client of its own, all alive throughout; they take turns. `share.py` measures the
client's own part of it in one process.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bench.kit import (
    HERE,
    ROOT,
    Budget,
    Part,
    Size,
    Spread,
    Table,
    child,
    folder,
    middle,
    noise,
    ratio,
    spread,
    us,
)
from bench.peers import install, python_of

# How often it is looked whether a client that is waited for still lives.
LOOK_S = 0.2
NAME, TITLE = "wire", "From a book at the venue to an order at the venue"
ROUND_TIMES, SHARE_US, SHARE_TIMES, PEER_TIMES = 1.8, 40, 15, 4
NAUTILUS = HERE / ".nautilus"

SAYS = {
    "echo": "echo: the same sockets and loop, and nothing else",
    "early": "Kedge, quote journalled with the send",
    "waits": "Kedge, order waits for the journal",
    "ccxt rest": "ccxt: watch_order_book, create_order",
    "ccxt ws": "ccxt: watch_order_book, create_order_ws",
    "nautilus": "nautilus_trader, orders by WebSocket",
}
# Enough to see that it works.
TINY = ("echo", "early", "ccxt rest")
SHARES: dict[str, tuple[str, dict[str, Any]]] = {
    "early": ("ours", {"early": True, "memory": False}),
    "early, no disk": ("ours", {"early": True, "memory": True}),
    "waits": ("ours", {"early": False, "memory": False}),
    "ccxt rest": ("ccxt", {"by": "rest"}),
    "ccxt ws": ("ccxt", {"by": "ws"}),
}

Turns = dict[str, list[Spread]]


def measure(size: Size) -> Part:
    missing: dict[str, str] = {}
    rounds, count = size.of(9, 1), size.of(100, 3)
    with folder() as home:
        whole = _rounds(home, rounds, count, missing, size.tiny)
    names = [name for name in SHARES if not size.tiny or name in TINY]
    share: Turns = {name: [] for name in names}
    for turn in range(size.of(5, 1)):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            function, args = SHARES[name]
            share[name].append(spread(child("bench.share", function, count=size.of(300, 3), **args)))
    return _part(whole, share, missing)


# ── the whole round ─────────────────────────────────────────────────────────────────────────────


def _rounds(home: Path, rounds: int, count: int, missing: dict[str, str], tiny: bool) -> Turns:
    names = list(TINY if tiny else SAYS)
    if "nautilus" in names:
        said = install(NAUTILUS, HERE / "requirements-nautilus.txt")
        if said:
            missing["nautilus"] = said
            names.remove("nautilus")
    with contextlib.ExitStack() as exits:
        pairs: dict[str, Pair] = {}
        for name in names:
            pairs[name] = exits.enter_context(pair(name, home))
        for name, one in list(pairs.items()):
            try:
                one.rounds(max(2, count // 5))  # connects, and warms up
            except OSError as error:
                missing[name] = str(error)
                del pairs[name]
        found: Turns = {name: [] for name in pairs}
        order = list(pairs)
        for turn in range(rounds):
            shift = turn % len(order)
            for name in order[shift:] + order[:shift]:
                found[name].append(spread([float(ns) for ns in pairs[name].rounds(count)]))
    return found


class Pair:
    """A venue and one client of it, each in its process."""

    def __init__(self, name: str, home: Path, *venue_args: str) -> None:
        self.name = name
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        pipe = subprocess.PIPE
        self.log = home / f"{name}.log"
        venue = [sys.executable, "-P", "-m", "bench.lean_server", *venue_args]
        self.venue = subprocess.Popen(venue, stdin=pipe, stdout=pipe, text=True, cwd=ROOT, env=environment)
        ports = self._heard()
        command = _command(name, str(ports["http"]), str(ports["ws"]), home / name.replace(" ", "-"))
        with open(self.log, "w") as log:
            self.client = subprocess.Popen(
                command, stdin=pipe, stdout=log, stderr=log, text=True, cwd=ROOT, env=environment
            )

    def rounds(self, count: int) -> list[int]:
        """Nanoseconds of so many rounds."""
        return list(self.ask({"count": count})["took"])

    def ask(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Raises `OSError` with what the client said last."""
        assert self.venue.stdin is not None
        self.venue.stdin.write(json.dumps(asked) + "\n")
        self.venue.stdin.flush()
        said = self._heard(self.client)
        if "failed" in said:
            raise OSError(f"{said['failed']}; {self.log.read_text()[-400:]}")
        return said

    def _heard(self, *lives: subprocess.Popen[str]) -> dict[str, Any]:
        """What the venue says, however busy the machine is: it is waited for while these live."""
        assert self.venue.stdout is not None
        while not select.select([self.venue.stdout], [], [], LOOK_S)[0]:
            if any(one.poll() is not None for one in lives):
                self.venue.kill()  # it waits for nobody
                raise OSError(f"a process ended by itself; {self.log.read_text()[-400:]}")
        line = self.venue.stdout.readline()
        if not line:
            raise OSError("the venue ended by itself")
        said: dict[str, Any] = json.loads(line)
        return said

    def end(self) -> None:
        for process in (self.client, self.venue):
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        assert self.venue.stdout is not None
        self.venue.stdout.close()


@contextlib.contextmanager
def pair(name: str, home: Path) -> Iterator[Pair]:
    made = Pair(name, home)
    try:
        yield made
    finally:
        made.end()


def _command(name: str, http: str, ws: str, home: Path) -> list[str]:
    # -P: this folder has a `numbers` that is not the standard library's.
    if name == "nautilus":
        return [str(python_of(NAUTILUS)), "-P", str(HERE / "peer_nautilus.py"), http, ws]
    if name.startswith("ccxt"):
        return [sys.executable, "-P", str(HERE / "peer_ccxt.py"), name.removeprefix("ccxt "), http, ws]
    return [sys.executable, "-P", "-m", "bench.lean_clients", name, http, ws, str(home)]


# ── what it came to ─────────────────────────────────────────────────────────────────────────────


def _part(whole: Turns, share: Turns, missing: Mapping[str, str]) -> Part:
    part = Part(TITLE)
    early, echo = whole["early"], whole["echo"]
    part.budgets = [
        Budget("book → order, journalled with the send ÷ bare echo", ratio(early, echo), ROUND_TIMES),
        Budget("our own share of it, p50", middle(share["early"]).p50 / 1000, SHARE_US, "µs"),
        Budget(
            "own share: ccxt (create_order) ÷ ours",
            ratio(share["ccxt rest"], share["early"]),
            SHARE_TIMES,
            at_most=False,
        ),
    ]
    for name, times in (("ccxt rest", PEER_TIMES), ("nautilus", 1)):
        if name in whole:
            what = f"book → order: {SAYS[name]} ÷ ours"
            part.budgets.append(Budget(what, ratio(whole[name], early), times, at_most=False))
    rows = [_row(SAYS[name], found, echo, early) for name, found in whole.items()]
    heads: tuple[str, ...] = (
        "the whole round, µs",
        "p50",
        "p99",
        "p50, best–worst round",
        "÷ echo",
        "÷ ours, early",
    )
    part.tables = [Table(heads, rows)]
    rows = [_row(_says(name), found, None, share["early"]) for name, found in share.items()]
    heads = ("own share, in one process, µs", "p50", "p99", "p50, best–worst round", "÷ ours, early")
    part.tables.append(Table(heads, rows))
    part.says = [
        f"{len(early)} rounds in turns, {middle(early).count:,} orders each. Before every order ten messages"
        " that change nothing, 200 µs apart. One machine: venue and client share its cores, its caches and"
        " its disk.",
        "Where the time goes: [why/speed-at-the-wire](../docs/why/speed-at-the-wire.md).",
    ]
    part.says += [f"**{name} was not measured:** {why}" for name, why in missing.items()]
    return part


def _row(says: str, found: list[Spread], echo: list[Spread] | None, early: list[Spread]) -> tuple[str, ...]:
    row: tuple[str, ...] = (says, us(middle(found).p50), us(middle(found).p99), noise(found))
    if echo is not None:
        row = (*row, f"{ratio(found, echo):.2f}")
    return (*row, f"{ratio(found, early):.2f}")


def _says(name: str) -> str:
    return f"{SAYS['early']}, and the journal on no disk" if name == "early, no disk" else SAYS[name]
