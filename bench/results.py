"""bench/RESULTS.md: one part per bench, replaced when that bench runs again; the rest stays.

At the top stand the machine and all budgets, taken from the parts below.
"""

from __future__ import annotations

import datetime
import os
import platform
import re
from pathlib import Path

import apsw

from bench.kit import HERE, Budget, Part, Table, loop_name

FILE = HERE / "RESULTS.md"
_PART = re.compile(r"<!-- part (\w+) -->\n(.*?)<!-- end \1 -->\n", re.S)
_BUDGET = re.compile(r"^\|.*\| (?:met|MISSED) \|$", re.M)


def text_of(part: Part) -> str:
    """The part as Markdown, for the terminal and for the file alike."""
    lines = [f"## {part.title}", ""]
    if part.budgets:
        rows = [_budget_row(budget) for budget in part.budgets]
        lines += _table(Table(("budget", "measured", "promised", ""), rows))
    for table in part.tables:
        lines += _table(table)
    for said in part.says:
        lines += [said, ""]
    return "\n".join(lines)


def write(name: str, part: Part, order: tuple[str, ...], file: Path = FILE) -> None:
    """Put this part in its place, and the summary over all of them."""
    known = dict(_PART.findall(file.read_text())) if file.exists() else {}
    known[name] = f"{text_of(part)}\n*Measured {_when()}, {_load()}.*\n\n"
    names = [n for n in order if n in known]
    budgets = [row for n in names for row in _BUDGET.findall(known[n])]
    head = ["# What was measured", "", *_machine(), "", "Every line below is explained in its own part.", ""]
    head += ["| budget | measured | promised | |", "|---|---|---|---|", *budgets, ""]
    parts = [f"<!-- part {n} -->\n{known[n]}<!-- end {n} -->\n" for n in names]
    file.write_text("\n".join(head) + "\n" + "\n".join(parts))


def _budget_row(b: Budget) -> tuple[str, ...]:
    sign = "≤" if b.at_most else "≥"
    unit = f" {b.unit}" if b.unit else ""
    return (b.what, f"{_number(b.measured)}{unit}", f"{sign} {_number(b.limit)}{unit}", _verdict(b))


def _verdict(b: Budget) -> str:
    return "met" if b.met else "MISSED"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 or value == int(value) else f"{value:.3g}"


def _table(table: Table) -> list[str]:
    lines = ["| " + " | ".join(table.heads) + " |", "|" + "---|" * len(table.heads)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in table.rows), ""]


# ── the machine ─────────────────────────────────────────────────────────────────────────────────


def _machine() -> list[str]:
    rows = [
        ("processor", f"{_cpu()}, {os.cpu_count()} cores"),
        ("memory", f"{_memory_gb():.0f} GB"),
        ("disk", _disk(HERE)),
        ("system", f"{platform.system()} {platform.release()} {platform.machine()}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}, loop: {loop_name()}"),
        ("SQLite", f"{apsw.sqlite_lib_version()} by apsw {apsw.apsw_version()}"),
    ]
    return [line for line in _table(Table(("machine", ""), rows)) if line]


def _cpu() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except FileNotFoundError:
        return platform.processor() or "unknown"
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown"
    )


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def _disk(at: Path) -> str:
    """The device and file system that hold this folder."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except FileNotFoundError:
        return "unknown"
    over = [m for m in mounts if at.is_relative_to(m[1])]
    device, _, kind, options, *_ = max(over, key=lambda m: len(m[1]))
    return f"{Path(device).name}, {kind} ({options.partition(',')[0]})"


def _when() -> str:
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _load() -> str:
    return f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores at the end"
