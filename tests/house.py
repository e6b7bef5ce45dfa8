"""What tests share that belongs to no room: reading our own source, and waiting for another process."""

from __future__ import annotations

import ast
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "kedge"


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(), str(path))


@cache
def nodes(path: Path) -> tuple[ast.AST, ...]:
    return tuple(ast.walk(tree(path)))


def sources(folder: Path = PACKAGE) -> list[Path]:
    """What people have written: not what `make protos` has."""
    return sorted(path for path in folder.rglob("*.py") if not path.name.endswith("_pb2.py"))


def where(path: Path, node: ast.AST | int = 0) -> str:
    line = node if isinstance(node, int) else getattr(node, "lineno", 0)
    return f"{path.relative_to(ROOT)}:{line}" if line else str(path.relative_to(ROOT))


def inside(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def report(found: list[str]) -> None:
    assert not found, "\n".join(["", *found])


def aliases(path: Path) -> dict[str, str]:
    """What a name at the top of an expression stands for: {"now_ns": "time.time_ns", "dt": "datetime"}."""
    names: dict[str, str] = {}
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {a.asname or a.name.split(".")[0]: a.name for a in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {a.asname or a.name: f"{node.module}.{a.name}" for a in node.names}
    return names


def dotted(node: ast.AST, names: dict[str, str]) -> str:
    """`dt.now` -> datetime.datetime.now, by the file's own imports; "" for anything else."""
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute):
        before = dotted(node.value, names)
        return f"{before}.{node.attr}" if before else ""
    return ""


def eventually(holds: Callable[[], object], what: str, within_s: float = 60) -> None:
    """Wait until another process has come to that. The bound is a safety net, never a measurement."""
    deadline = time.monotonic() + within_s
    while not holds():
        assert time.monotonic() < deadline, f"it did not come to this within {within_s:g} s: {what}"
        time.sleep(0.02)
