"""What every bench needs: a result with its budgets, turns between contestants, percentiles, a clean child.

A bench is a module with `NAME`, `TITLE` and `measure(size) -> Part`. `Size` scales the work: `full` is what
the budgets speak of, `tiny` is for the smoke test.
"""

from __future__ import annotations

import asyncio
import importlib.util
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct, field

HERE = Path(__file__).parent
ROOT = HERE.parent
# As the runtime sets it: a writer's thread gets Python's own lock back within 0.1 ms.
SWITCH_S = 0.0001

T = TypeVar("T")


class Size(Struct, frozen=True):
    """How much to do."""

    tiny: bool = False

    def of(self, full: int, tiny: int) -> int:
        return tiny if self.tiny else full


class Budget(Struct, frozen=True):
    """One promise: what was measured against what was promised. `at_most` False: the more the better."""

    what: str
    measured: float
    limit: float
    unit: str = ""
    at_most: bool = True

    @property
    def met(self) -> bool:
        return self.measured <= self.limit if self.at_most else self.measured >= self.limit


class Table(Struct, frozen=True):
    heads: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]


class Part(Struct):
    """What one bench found: budgets, tables and sentences, in this order."""

    title: str
    budgets: list[Budget] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    says: list[str] = field(default_factory=list)


# ── numbers ─────────────────────────────────────────────────────────────────────────────────────


class Spread(Struct, frozen=True):
    """Many measurements of one thing, in nanoseconds or whatever was given."""

    p50: float
    p99: float
    count: int


def spread(values: Sequence[float]) -> Spread:
    ordered = sorted(values)
    return Spread(
        statistics.median(ordered), ordered[min(len(ordered) - 1, len(ordered) * 99 // 100)], len(ordered)
    )


def in_turns(
    rounds: int, contestants: Mapping[str, Callable[[], Sequence[float]]]
) -> dict[str, list[Spread]]:
    """Each contestant's spread in each round; they take turns, and who begins changes from round to round."""
    found: dict[str, list[Spread]] = {name: [] for name in contestants}
    names = list(contestants)
    for turn in range(rounds):
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            found[name].append(spread(contestants[name]()))
    return found


def middle(rounds: Sequence[Spread]) -> Spread:
    """The median round: of the medians and of the 99th percentiles, each for itself."""
    return Spread(
        statistics.median(r.p50 for r in rounds),
        statistics.median(r.p99 for r in rounds),
        sum(r.count for r in rounds),
    )


def ratio(of: Sequence[Spread], to: Sequence[Spread]) -> float:
    """The median over rounds of the ratio inside each round: what shook both cancels out."""
    return statistics.median(a.p50 / b.p50 for a, b in zip(of, to, strict=True))


def noise(rounds: Sequence[Spread]) -> str:
    """How far apart the quietest and the loudest round were."""
    low, high = min(r.p50 for r in rounds), max(r.p50 for r in rounds)
    return f"{us(low)}–{us(high)}"


def us(ns: float) -> str:
    value = ns / 1000
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value < 100 else f"{value:.0f}"


def per_s(value: float) -> str:
    return f"{value:,.0f}"


# ── places and processes ────────────────────────────────────────────────────────────────────────


@contextmanager
def folder() -> Iterator[Path]:
    """An empty folder on the disk that is measured: beside this file, or where KEDGE_BENCH_DIR says."""
    base = Path(os.environ.get("KEDGE_BENCH_DIR", HERE / ".work"))
    base.mkdir(parents=True, exist_ok=True)
    if base == HERE / ".work":
        (base / ".gitignore").write_text("*\n")
    made = Path(tempfile.mkdtemp(dir=base))
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def run(work: Callable[[], Any]) -> Any:
    """Run a coroutine function on the loop that `kedge up` would use."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(SWITCH_S)
    try:
        with asyncio.Runner(loop_factory=fast_loop()) as runner:
            return runner.run(work())
    finally:
        sys.setswitchinterval(before)


def fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    if importlib.util.find_spec("uvloop") is None:
        return None
    import uvloop

    return uvloop.new_event_loop


def loop_name() -> str:
    return "asyncio" if fast_loop() is None else "uvloop"


def child(module: str, function: str, **args: Any) -> Any:
    """Call `module.function(**args)` in a new interpreter and bring its JSON back: nothing is warm there."""
    code = (
        "import json,sys;from importlib import import_module;"
        f"print('\\n@@'+json.dumps(import_module({module!r}).{function}(**json.loads(sys.argv[1]))))"
    )
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code, json.dumps(args)], cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True
    )
    if done.returncode != 0:
        raise SystemExit(f"{module}.{function} failed in its own process (exit {done.returncode})")
    return json.loads(done.stdout.rpartition("@@")[2])


def rss_mb() -> float:
    """What this process holds in memory now."""
    return _status("VmRSS") / 1024


def peak_mb() -> float:
    return _status("VmHWM") / 1024


def _status(name: str) -> int:
    """Kilobytes, from the kernel; where there is no /proc, the most it ever was."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except FileNotFoundError:
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    return int(next(line for line in lines if line.startswith(name + ":")).split()[1])


def timed(work: Callable[[], T]) -> tuple[float, T]:
    """Seconds, and what came of it."""
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result
