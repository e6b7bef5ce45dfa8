"""The rules of the house, kept by reading the code: sizes, clocks and chance, sets, excepts, prints, words.

Every list of exceptions here names a place and says why. An exception that is no longer needed fails too,
so the lists cannot rot. Which room may import which is in `test_layout.py`.
"""

from __future__ import annotations

import ast
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from house import PACKAGE, ROOT, aliases, dotted, inside, nodes, report, sources, tree, where

# ── sizes ───────────────────────────────────────────────────────────────────────────────────────

FILE_LINES = 500
FUNCTION_LINES = 70
COLUMNS = 110
# A file of tests is a list: it is read by name, not from top to bottom.
TEST_FILE_LINES = 800
# What a line says to a tool at its end is not read by people.
PRAGMA = re.compile(r"\s*# (noqa|type: ignore|storm-ok).*")

# ── clocks and chance ───────────────────────────────────────────────────────────────────────────

# The only places that may ask the machine for time or randomness without saying why beside it.
SOURCES = ("runtime/env.py", "sim/tape.py")
BANNED_MODULES = ("random", "uuid", "secrets")
BANNED_NAMES = re.compile(
    r"time\.(time|monotonic|perf_counter|process_time|thread_time|clock_gettime)(_ns)?"
    r"|time\.(localtime|gmtime|ctime)"
    r"|datetime\.datetime\.(now|utcnow|today)|datetime\.date\.today"
    r"|os\.(urandom|getrandom)"
)
BANNED_BUILTINS = ("hash", "id")
ESCAPE = re.compile(r"#\s*storm-ok:\s*\S.{7,}")

# ── pure files ──────────────────────────────────────────────────────────────────────────────────

PURE = re.compile(r"(model|engine|bots)/.*|.*/wire\.py|sim/exchange(/.*|\.py)|venues/.*/rules\.py")
# Modules whose very use is I/O, waiting, threads or the machine.
IMPURE_IMPORTS = (
    *("asyncio", "threading", "multiprocessing", "concurrent", "subprocess", "socket", "select", "ssl"),
    *("selectors", "signal", "os", "io", "pathlib", "shutil", "tempfile", "sqlite3", "apsw", "logging"),
    *("sys", "time", "random", "uuid", "secrets"),
)

# ── what one may catch, print and leave open ────────────────────────────────────────────────────

# file, function: why this place may catch everything.
SUPERVISORS: dict[tuple[str, str], str] = {
    ("cli/app.py", "main"): "the last place: our own faults get their own number",
    ("engine/engine.py", "supervised"): "the supervisor of bots: one bad bot is parked, the others go on",
    ("kinds.py", "_import"): "a person's own file may raise whatever it likes",
    ("kinds.py", "make"): "a person's own class, likewise",
    ("sim/process.py", "close_silently"): "nobody hears what a dead program says on its way out",
    ("sim/scheduler.py", "_spin"): "a loop outlives its callbacks, and reports them",
    ("storm/engines.py", "_live"): "whatever ends an engine in a storm is a finding",
    ("storm/run.py", "one"): "a storm's own fault is a finding like any other",
}
# file: why it may print.
PRINTERS: dict[str, str] = {
    "cli/out.py": "the command line's mouth",
    "runtime/replay.py": "the report of `kedge replay`, a program of its own",
    "storm/cli.py": "the report of `kedge storm`, a program of its own",
}
# file, function: why it may be an async generator. A storm that drops one leaves it closed by nobody.
ASYNC_GENERATORS: dict[tuple[str, str], str] = {
    ("runtime/door.py", "entries"): "a tail of the gate; a storm's people speak to the cell itself",
    ("runtime/door.py", "tap"): "a tap of the gate, likewise",
}

# Files of text that are not ours to word.
FOREIGN = ("LICENSE", "uv.lock", "requirements.lock")


# ── sizes ───────────────────────────────────────────────────────────────────────────────────────


def test_files_fit() -> None:
    found = []
    for path in sources() + sources(ROOT / "tests"):
        lines = path.read_text().splitlines()
        most = FILE_LINES if path.is_relative_to(PACKAGE) else TEST_FILE_LINES
        if len(lines) > most:
            found.append(f"{where(path)}: {len(lines)} lines, at most {most}")
        found += [
            f"{where(path, number)}: {len(line)} columns, at most {COLUMNS}"
            for number, line in enumerate((PRAGMA.sub("", line) for line in lines), 1)
            if len(line) > COLUMNS
        ]
    report(found)


def test_functions_fit_on_a_screen() -> None:
    found = []
    for path in sources() + sources(ROOT / "tests"):
        for node in nodes(path):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > FUNCTION_LINES:
                    found.append(f"{where(path, node)}: {node.name} has {length} lines, at most 70")
    report(found)


def test_every_file_says_what_it_is_about() -> None:
    report(
        [
            f"{where(path)}: no docstring"
            for path in sources() + sources(ROOT / "tests")
            if path.read_text().strip() and not ast.get_docstring(tree(path))
        ]
    )


# ── clocks and chance ───────────────────────────────────────────────────────────────────────────


def asks_machine(node: ast.AST, names: dict[str, str]) -> str:
    """The banned thing this expression names, whether it is called here or handed on; or ""."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id not in names:
        return f"{node.func.id}()" if node.func.id in BANNED_BUILTINS else ""
    name = dotted(node, names) if isinstance(node, (ast.Name, ast.Attribute)) else ""
    if BANNED_NAMES.fullmatch(name):
        return name
    return name if "." in name and name.split(".")[0] in BANNED_MODULES else ""


def questions(path: Path) -> Iterator[tuple[str, ast.AST, range]]:
    """Everything that asks the machine, with the lines on which an escape would cover it.

    A type (`generator: Random`) asks nothing. The lines are those of the statement, without its body.
    """
    names = aliases(path)

    def walk(node: ast.AST, lines: range) -> Iterator[tuple[str, ast.AST, range]]:
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = body[0].lineno if isinstance(body, list) else (node.end_lineno or node.lineno) + 1
            lines = range(node.lineno, max(last, node.lineno + 1))
        name = asks_machine(node, names)
        if name:
            yield name, node, lines
        for field, value in ast.iter_fields(node):
            if field in ("annotation", "returns"):
                continue
            for child in value if isinstance(value, list) else [value]:
                if isinstance(child, ast.AST):
                    yield from walk(child, lines)

    yield from walk(tree(path), range(0))


def test_time_and_chance_come_from_one_place() -> None:
    found: dict[str, None] = {}
    for path in sources():
        if inside(path) in SOURCES:
            continue
        lines = path.read_text().splitlines()
        for name, node, covered in questions(path):
            if not any(ESCAPE.search(lines[number - 1]) for number in covered):
                found[f"{where(path, node)}: {name} (take it as a parameter, or `# storm-ok: reason`)"] = None
    report(list(found))


def test_every_escape_has_a_reason_and_a_cause() -> None:
    """The cause may also be an import or a type, where a word about the generator helps a reader."""
    found = []
    for path in sources():
        used = {number for _, _, covered in questions(path) for number in covered}
        names = aliases(path)
        for node in nodes(path):
            module = getattr(node, "module", None) if isinstance(node, ast.ImportFrom) else ""
            module = node.names[0].name if isinstance(node, ast.Import) else module
            if module in BANNED_MODULES or asks_machine(node, names):
                used.add(node.lineno)  # type: ignore[attr-defined]
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if "storm-ok" not in line:
                continue
            if not ESCAPE.search(line):
                found.append(f"{where(path, number)}: storm-ok without a reason")
            elif number not in used:
                found.append(f"{where(path, number)}: storm-ok, but nothing here needs it")
    report(found)


# ── pure rooms ──────────────────────────────────────────────────────────────────────────────────


def test_pure_rooms_neither_wait_nor_touch_the_machine() -> None:
    waits = (ast.AsyncFunctionDef, ast.Await, ast.AsyncFor, ast.AsyncWith)
    found = []
    for path in sources():
        if not PURE.fullmatch(inside(path)):
            continue
        for node in nodes(path):
            if isinstance(node, waits):
                found.append(f"{where(path, node)}: {type(node).__name__} in a pure room")
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [
                f"{where(path, node)}: imports {name} in a pure room"
                for name in names
                if name.split(".")[0] in IMPURE_IMPORTS
            ]
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "open":
                found.append(f"{where(path, node)}: opens a file in a pure room")
    report(found)


# ── sets ────────────────────────────────────────────────────────────────────────────────────────

_SET_METHODS = ("union", "intersection", "difference", "symmetric_difference")
_ORDERS = ("list", "tuple", "enumerate", "iter", "zip", "map", "filter", "reversed", "join", "next", "pop")


def is_set(node: ast.AST | None, known: frozenset[str]) -> bool:
    """Whether an expression is a set, as far as one file can tell."""
    if isinstance(node, (ast.Set, ast.SetComp)):
        return True
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        made_by = isinstance(node.func, ast.Attribute) and name in _SET_METHODS
        return name in ("set", "frozenset") or made_by
    if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Sub, ast.BitOr, ast.BitAnd, ast.BitXor)):
        return any(is_set(side, known) or _is_keys(side) for side in (node.left, node.right))
    if isinstance(node, ast.Attribute):
        return f".{node.attr}" in known
    return isinstance(node, ast.Name) and node.id in known


def _is_keys(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "keys"


def _hinted_set(hint: ast.AST | None) -> bool:
    top = hint.value if isinstance(hint, ast.Subscript) else hint
    return isinstance(top, ast.Name) and top.id in ("set", "frozenset", "AbstractSet")


def names_of_sets(scope: ast.AST) -> frozenset[str]:
    """Names (`seen`) and attributes (`.seen`) that this piece of code says are sets, and never otherwise."""
    sets: set[str] = set()
    others: set[str] = set()
    for node in ast.walk(scope):
        pairs: list[tuple[ast.AST, bool]] = []
        if isinstance(node, ast.AnnAssign):
            pairs = [(node.target, _hinted_set(node.annotation))]
        elif isinstance(node, ast.Assign):
            pairs = [(target, is_set(node.value, frozenset())) for target in node.targets]
        elif isinstance(node, ast.arg):
            (sets if _hinted_set(node.annotation) else others).add(node.arg)
        for target, yes in pairs:
            name = target.id if isinstance(target, ast.Name) else f".{getattr(target, 'attr', '')}"
            (sets if yes else others).add(name)
    return frozenset(sets - others)


def iterated(node: ast.AST) -> list[ast.AST]:
    """The expressions whose order matters at this node."""
    if isinstance(node, (ast.For, ast.AsyncFor)):
        return [node.iter]
    if isinstance(node, (ast.ListComp, ast.DictComp, ast.GeneratorExp)):
        return [one.iter for one in node.generators]
    if isinstance(node, ast.Starred):
        return [node.value]
    if isinstance(node, ast.Call):
        method = isinstance(node.func, ast.Attribute)
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name == "pop" and isinstance(node.func, ast.Attribute) and not node.args:
            return [node.func.value]
        return list(node.args) if name in _ORDERS and (not method or name == "join") else []
    return []


# What makes the order of its argument irrelevant.
_ORDERLESS = ("sorted", "set", "frozenset", "sum", "min", "max", "any", "all", "len", "dict")


def walked_sets(path: Path) -> list[tuple[int, ast.AST]]:
    """Every set in this file whose order is used, with its line."""
    known = names_of_sets(tree(path))
    harmless = {
        id(arg)
        for node in nodes(path)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _ORDERLESS
        for arg in node.args
    }
    return [
        (node.lineno, one)  # type: ignore[attr-defined]
        for node in nodes(path)
        if id(node) not in harmless
        for one in iterated(node)
        if is_set(one, known)
    ]


def test_no_set_is_walked() -> None:
    """The order of a set of strings changes with the process: a replay would take another way."""
    found = [(path, line) for path in sources() for line, _ in walked_sets(path)]
    report([f"{where(path, line)}: walks a set (sort it, or keep a dict)" for path, line in found])


# ── excepts, prints, tasks ──────────────────────────────────────────────────────────────────────


def functions(path: Path) -> Iterator[tuple[str, ast.AST]]:
    """Every node with the name of the innermost function around it ("" at the top)."""

    def walk(node: ast.AST, name: str) -> Iterator[tuple[str, ast.AST]]:
        for child in ast.iter_child_nodes(node):
            yield name, child
            named = isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef))
            yield from walk(child, child.name if named else name)  # type: ignore[attr-defined]

    yield from walk(tree(path), "")


def catches_all(node: ast.AST) -> bool:
    """Whether it swallows whatever comes. One that tidies up and raises again catches nothing."""
    broad = ("Exception", "BaseException", "BaseExceptionGroup", "ExceptionGroup")
    if isinstance(node, ast.ExceptHandler):
        last = node.body[-1]
        if isinstance(last, ast.Raise) and last.exc is None:
            return False
        kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
        return any(kind is None or getattr(kind, "id", "") in broad for kind in kinds)
    if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "suppress":
        return any(getattr(arg, "id", "") in broad for arg in node.args)
    return False


def is_async_generator(node: ast.AST) -> bool:
    if not isinstance(node, ast.AsyncFunctionDef):
        return False
    inner = [n for n in ast.walk(node) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))]
    nested = {id(n) for one in inner if one is not node for n in ast.walk(one)}
    return any(isinstance(n, (ast.Yield, ast.YieldFrom)) and id(n) not in nested for n in ast.walk(node))


Place = tuple[str, str]


def only_listed(
    paths: list[Path], wrong: Callable[[ast.AST], bool], listed: dict[Place, str], what: str
) -> None:
    """Nothing is `wrong` outside the listed places, and every listed place still needs its line."""
    unused = dict(listed)
    found = []
    for path in paths:
        for name, node in functions(path):
            own = node.name if isinstance(node, ast.AsyncFunctionDef) else name
            if wrong(node):
                place = (inside(path), own)
                unused.pop(place, None)
                if place not in listed:
                    found.append(f"{where(path, node)}: {what} in {own or 'the file'}")
    report(found + [f"{file}, {name}: listed in tests/test_tidy.py for nothing" for file, name in unused])


def test_only_supervisors_catch_everything() -> None:
    only_listed(sources(), catches_all, SUPERVISORS, "catches everything")


def test_only_mouths_print() -> None:
    def prints(node: ast.AST) -> bool:
        return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"

    mute = [path for path in sources() if inside(path) not in PRINTERS]
    only_listed(mute, prints, {}, "prints")


# The rooms that run inside a storm, where what walks a set of tasks has no fixed order.
STORMED = ("runtime/", "journal/", "venues/")


def stormed() -> list[Path]:
    return [path for path in sources() if inside(path).startswith(STORMED)]


def test_tasks_are_kept_in_an_order() -> None:
    """`asyncio.TaskGroup` and `asyncio.wait` walk sets of tasks hashed by address; `as_completed` too."""
    banned = ("asyncio.TaskGroup", "asyncio.wait", "asyncio.as_completed", "asyncio.all_tasks")
    found = []
    for path in stormed():
        names = aliases(path)
        for node in nodes(path):
            name = dotted(node, names) if isinstance(node, (ast.Name, ast.Attribute)) else ""
            if name in banned:
                found.append(f"{where(path, node)}: {name} (use runtime/tree.py)")
    report(found)


def test_async_generators_are_listed() -> None:
    only_listed(stormed(), is_async_generator, ASYNC_GENERATORS, "an async generator")


# ── text ────────────────────────────────────────────────────────────────────────────────────────

# Spelt in two halves, or this file would be the first to fail.
MACHINE = re.compile("|".join(("/" + "work/", "/" + "root/", "/" + "Users/", "/home/" + r"(?!you|ann)\w+/")))
UNFINISHED = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "XX" + "X")) + r")\b")
TEXT = (".py", ".md", ".toml", ".txt", ".sql", ".json", ".sh", ".cfg", ".lock", "")


def texts() -> Iterator[Path]:
    for folder, inner, files in os.walk(ROOT):
        inner[:] = sorted(
            name for name in inner if name == ".ci" or not name.startswith((".", "__pycache__"))
        )
        for name in sorted(files):
            if Path(name).suffix in TEXT:
                yield Path(folder, name)


@pytest.mark.parametrize(
    ("pattern", "what"),
    [(MACHINE, "a path of somebody's machine"), (UNFINISHED, "something left undone")],
    ids=["paths", "undone"],
)
def test_nothing_is_left_lying_about(pattern: re.Pattern[str], what: str) -> None:
    found = []
    for path in texts():
        if path.name in FOREIGN and pattern is UNFINISHED:
            continue
        found += [
            f"{where(path, number)}: {what}: {match[0]}"
            for number, line in enumerate(path.read_text(errors="replace").splitlines(), 1)
            if (match := pattern.search(line))
        ]
    report(found)


# ── the rules themselves ────────────────────────────────────────────────────────────────────────

CLOCKS = """
import time
import random
from datetime import datetime as dt
from time import monotonic_ns as now

def f(clock=time.time_ns):
    a = now()
    b = dt.now()
    c = random.Random(1).random()
    d = hash("x")
    return id(a)
"""
SETS = """
seen: set[str] = set()
for a in seen: ...
for b in {1, 2}: ...
c = [x for x in set(y)]
d = list(frozenset(y))
e = ",".join(seen)
for f in one.keys() - two: ...
ok = sorted(seen), len(seen), [x for x in sorted(seen)], {x for x in seen}
"""
EXCEPTS = """
try: ...
except Exception: ...
try: ...
except (ValueError, BaseException): ...
try: ...
except BaseException:
    tidy_up()
    raise
with contextlib.suppress(Exception): ...
"""


def _snippet(folder: Path, text: str) -> Path:
    path = folder / "snippet.py"
    path.write_text(text)
    return path


def test_clocks_and_chance_are_seen(tmp_path: Path) -> None:
    path = _snippet(tmp_path, CLOCKS)
    found = [name for name, _, _ in questions(path)]
    assert found == [
        *("time.time_ns", "time.monotonic_ns", "datetime.datetime.now", "random.Random"),
        *("hash()", "id()"),
    ]


def test_walks_over_sets_are_seen(tmp_path: Path) -> None:
    path = _snippet(tmp_path, SETS)
    assert sorted(line for line, _ in walked_sets(path)) == [3, 4, 5, 6, 7, 8]


def test_broad_excepts_are_seen(tmp_path: Path) -> None:
    path = _snippet(tmp_path, EXCEPTS)
    lines = [node.lineno for node in nodes(path) if catches_all(node)]  # type: ignore[attr-defined]
    assert sorted(lines) == [3, 5, 10]
