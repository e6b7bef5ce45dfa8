"""Where things are: which room may import which, and that the parts of the repository agree."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from house import ROOT, nodes, report, sources, where

# ── the map ─────────────────────────────────────────────────────────────────────────────────────

# A room is a folder of the package, or a file beside them. A room may
# import rooms of lower levels only. Why each stands where it does is the second half of the line.
ROOMS: dict[str, tuple[int, str]] = {
    "model": (1, "nouns: everyone speaks of orders, records, commands and frames"),
    "protos": (1, "what venues have published, and what is generated from it; imports nothing of ours"),
    "home": (1, "names of files; needs nothing"),
    "engine": (2, "verbs on the nouns; knows no bot, no disk and no venue"),
    "service": (2, "a process and its service manager; knows only how programs end"),
    "settings": (2, "nouns a person writes down; limits and sentences from the model"),
    "bots": (3, "each uses the engine's protocol and nothing else"),
    "logs": (3, "what every program writes, as the settings say; knows nothing of trading"),
    "journal": (4, "keeps the model's records; does not know what they lead to"),
    "venues": (4, "speaks of the model's orders to one venue"),
    "sim": (4, "answers as a venue does, and shares no code with the rooms that ask"),
    "client": (4, "the far end of the gate: frames, and where the socket is"),
    "kinds": (4, "finds bots by name, built-in ones and a person's own; runtime, desk and cli ask it"),
    "settings_text": (4, "settings, for people"),
    "runtime": (5, "joins engine, journal and venues into a running whole"),
    "desk": (5, "what people see and ask for; reaches the engine through the client alone"),
    "doctor": (5, "examines settings, journal and a running desk from outside"),
    "testing": (6, "for authors of bots: the whole desk in a test"),
    "storm": (6, "runs the real runtime, journal and bots in a simulated world"),
    "cli": (7, "starts everything else, storms included"),
}

# Arrows that point down and are wrong all the same.
PURE_ROOMS = ("model", "engine", "bots")
NEVER: dict[tuple[str, str], str] = {
    ("bots", "settings"): "what a bot may know of is in its own Config",
    ("runtime", "client"): "the client is the other end of the runtime's gate",
    ("settings_text", "journal"): "settings are read before there is a journal",
}

# ── rooms ───────────────────────────────────────────────────────────────────────────────────────


def room_of(module: str) -> str:
    """`kedge.engine.step` -> engine; `kedge.cli.out` -> cli; `kedge` itself -> ""."""
    return [*module.split("."), ""][1]


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def arrows(path: Path) -> Iterator[tuple[int, str]]:
    """Every module of ours that a file imports, by statement or by name in a string."""
    known = modules()
    for node in nodes(path):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{where(path, node)}: relative imports hide the room"
            names = [f"{node.module}.{alias.name}" for alias in node.names] + [node.module or ""]
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            names = [node.value]
        yield from ((node.lineno, name) for name in names if name in known)  # type: ignore[attr-defined]


@cache
def modules() -> frozenset[str]:
    return frozenset(module_of(path) for path in sources())


def test_every_room_is_on_the_map() -> None:
    rooms = {room_of(module) for module in modules()} - {""}
    report(
        [f"{room}: give it a level, and the reason, in tests/test_layout.py" for room in rooms - set(ROOMS)]
    )


def test_arrows_between_rooms_point_down() -> None:
    found = []
    for path in sources():
        mine = room_of(module_of(path))
        for line, module in arrows(path):
            theirs = room_of(module)
            if not mine or not theirs or mine == theirs:
                continue
            why = NEVER.get((mine, theirs), "")
            if mine in PURE_ROOMS and theirs not in PURE_ROOMS:
                why = why or "the pure rooms know only each other"
            if ROOMS[theirs][0] >= ROOMS[mine][0]:
                why = why or f"{mine} is on level {ROOMS[mine][0]}, {theirs} on {ROOMS[theirs][0]}"
            if why:
                found.append(f"{where(path, line)}: {mine} must not import {module}: {why}")
    report(found)


# Modules whose package has another name, or that a declared package promises to bring along.
COMES_WITH = {"axes": "django_axes", "asgiref": "django", "google": "protobuf", "grpc": "grpcio"}


def test_only_declared_packages_are_imported() -> None:
    """What happens to be installed here must not become what is needed there."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    optional = [one for group in project.get("optional-dependencies", {}).values() for one in group]
    declared = {re.split(r"[^\w-]", one)[0].replace("-", "_") for one in project["dependencies"] + optional}
    allowed = declared | set(sys.stdlib_module_names) | {"kedge"}
    found = []
    for path in sources():
        for node in nodes(path):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            found += [
                f"{where(path, node)}: {name} is not in pyproject.toml's dependencies"
                for name in names
                if COMES_WITH.get(name.split(".")[0], name.split(".")[0]) not in allowed
            ]
    report(found)


# ── the repository ──────────────────────────────────────────────────────────────────────────────

TARGETS = ("help", "setup", "run", "test", "check", "storm", "bench", "docs", "lock", "clean")


def test_a_newcomer_finds_what_they_look_for() -> None:
    wanted = (
        "README.md",
        "LICENSE",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "AGENTS.md",
        "docs/index.md",
        "uv.lock",
    )
    report([f"{name} is missing" for name in wanted if not (ROOT / name).is_file()])
    readme = (ROOT / "README.md").read_text()
    said = ("make setup", "make run", "make test")
    report([f"README.md does not name `{word}`" for word in said if word not in readme])


def test_make_knows_its_targets() -> None:
    makefile = (ROOT / "Makefile").read_text()
    report(
        [
            f"no target {name} with a word of help"
            for name in TARGETS
            if not re.search(rf"(?m)^{name}:.*## ", makefile)
        ]
    )


def test_the_build_machine_runs_what_people_run() -> None:
    run = ROOT / ".ci" / "run"
    assert os.access(run, os.X_OK), ".ci/run cannot be executed"
    text = run.read_text()
    assert "set -euo pipefail" in text
    assert "make test" in text
    assert "export CI=1" in text


def test_the_changelog_keeps_its_headings() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    assert "## [Unreleased]" in text
    for section in re.split(r"(?m)^## ", text)[1:]:
        headings = re.findall(r"(?m)^### (.+)$", section)
        order = [name for name in ("Safety and performance", "Features", "Internals") if name in headings]
        assert headings == order, f"headings of {section.splitlines()[0]}: {headings}"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _locked() -> dict[str, dict[str, object]]:
    packages = tomllib.loads((ROOT / "uv.lock").read_text())["package"]
    return {one["name"]: one for one in packages}


def _wish(requirement: str) -> tuple[str, str]:
    """`uvloop>=0.21; platform ...` -> (uvloop, >=0.21); extras (`psycopg[binary]`) are the lock's matter."""
    match = re.match(r"\s*([\w.-]+)(?:\[[\w,-]+\])?\s*([^;]*)", requirement)
    assert match, requirement
    return _normal(match[1]), match[2].strip()


def test_the_lock_is_of_these_dependencies() -> None:
    """`uv sync --frozen` and the lock for pip would else give another environment than was declared."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project, groups = pyproject["project"], pyproject["dependency-groups"]
    wanted = list(project["dependencies"])
    wanted += [one for extra in project["optional-dependencies"].values() for one in extra]
    mine: dict[str, object] = _locked()["kedge"]["metadata"]  # type: ignore[assignment]
    dist = {(one["name"], one.get("specifier", "")) for one in mine["requires-dist"]}  # type: ignore[attr-defined]
    dev = {
        (one["name"], one.get("specifier", ""))
        for group in mine["requires-dev"].values()  # type: ignore[attr-defined]
        for one in group
    }
    assert {_wish(one) for one in wanted} == dist, "run: make lock"
    assert {_wish(one) for group in groups.values() for one in group} == dev, "run: make lock"


def test_both_locks_say_the_same() -> None:
    pins = dict(re.findall(r"(?m)^([\w.-]+)==([^\s;]+)", (ROOT / "requirements.lock").read_text()))
    locked = {name: one["version"] for name, one in _locked().items() if name != "kedge"}
    assert {_normal(name): version for name, version in pins.items()} == locked, "run: make lock"


def test_locks_name_public_sources_only() -> None:
    for name in ("uv.lock", "requirements.lock"):
        text = (ROOT / name).read_text()
        assert "file:" not in text, name
        assert set(re.findall(r'registry = "([^"]+)"', text)) <= {"https://pypi.org/simple"}, name


def test_every_pin_has_its_hashes() -> None:
    pins = re.split(r"(?m)^(?=[\w.-]+==)", (ROOT / "requirements.lock").read_text())[1:]
    report([pin.splitlines()[0] for pin in pins if "--hash=sha256:" not in pin])


def _make(folder: Path, *arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    make = shutil.which("make")
    assert make, "make is not installed"
    for name in ("Makefile", "pyproject.toml", "uv.lock", "requirements.lock"):
        shutil.copy2(ROOT / name, folder / name)
    return subprocess.run(
        [make, *arguments], cwd=folder, env={"PATH": str(path)}, capture_output=True, text=True, check=False
    )


def test_a_machine_without_python_is_told_so_in_one_sentence(tmp_path: Path) -> None:
    old = tmp_path / "bin"
    old.mkdir()
    for name in ("python3", "python3.11"):
        (old / name).write_text("#!/bin/sh\nexit 1\n")
        (old / name).chmod(0o755)
    ended = _make(tmp_path, "setup", path=old)
    assert ended.returncode != 0
    assert "Kedge needs Python 3.11 or newer" in ended.stderr
    assert not (tmp_path / ".venv").exists()


def test_setting_up_again_does_nothing(tmp_path: Path) -> None:
    ready = tmp_path / ".venv" / ".ready"
    ready.parent.mkdir()
    assert _make(tmp_path, "-q", ".venv/.ready", path=tmp_path).returncode == 1
    ready.touch()
    assert _make(tmp_path, "-q", ".venv/.ready", path=tmp_path).returncode == 0


@pytest.mark.parametrize(("ci", "expected"), [("", 0), ("false", 0), ("1", 1)])
def test_on_a_build_machine_nothing_is_skipped(tmp_path: Path, ci: str, expected: int) -> None:
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(
        "import pytest\n"
        "def test_runs(): pass\n"
        "def test_skips(): pytest.skip('no reason')\n"
        "@pytest.mark.xfail\n"
        "def test_known(): assert False\n"
    )
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path)]
    ended = subprocess.run(
        [*command, str(tmp_path)], env=os.environ | {"CI": ci}, capture_output=True, text=True, check=False
    )
    assert ended.returncode == expected, ended.stdout
    assert ("nothing may be" in ended.stdout) is bool(expected)
