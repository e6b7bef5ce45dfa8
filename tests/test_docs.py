"""The documentation is complete and hangs together: what exists is described, what is linked is there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import get_args

import pytest
from cyclopts import App
from house import PACKAGE, ROOT, report, sources
from pages import check_page

from kedge import settings_text
from kedge.bots import BUILT_IN
from kedge.cli.app import make_app
from kedge.desk import reference
from kedge.model import frames
from kedge.model.commands import VERBS
from kedge.model.exits import MEANINGS, Exit
from kedge.model.forms import form
from kedge.model.records import Record
from kedge.sim.paper.faults import FaultKind
from kedge.sim.testnet.control import Order as ControlOrder
from kedge.sim.testnet.faults import WIRE_FAULTS
from kedge.storm import weather
from kedge.venues import registry

DOCS = ROOT / "docs"
INDEX = DOCS / "index.md"
# Outside docs/, but read as part of it.
OTHERS = ("README.md", "AGENTS.md", "CONTRIBUTING.md", "CHANGELOG.md")

# ── generated pages ─────────────────────────────────────────────────────────────────────────────


def test_the_page_of_bots_is_todays() -> None:
    check_page("bots", reference.bots_page())


def test_the_page_of_venues_is_todays() -> None:
    check_page("venues", reference.venues_page())


def test_every_folder_of_venues_is_on_the_page() -> None:
    root = PACKAGE / "venues"
    folders = {path.parent.relative_to(root).as_posix().replace("/", "-") for path in root.rglob("rules.py")}
    named = {rules.venue for rules in reference.VENUES}
    # What ccxt's exchanges have in common is on a page of its own, and the others are the registry's.
    assert folders == (named - {"binance"}) | {"binance-spot", "ccxt"}
    assert named == {"paper", *registry.VENUES}


def test_every_venue_has_a_page_and_is_found_from_the_index() -> None:
    index = INDEX.read_text()
    for name in registry.VENUES:
        assert (DOCS / f"reference/venues-{name}.md").exists()
        assert f"(reference/venues-{name}.md)" in index


# ── everything is documented ────────────────────────────────────────────────────────────────────

Named = tuple[str, str]  # what kind of thing, its name


def commands(app: App, before: str = "") -> Iterator[str]:
    """Every command, groups left out: `bot add`, `status`."""
    for name in app:
        if not name.startswith("-"):
            below = list(commands(app[name], f"{before}{name} "))
            yield from below or [f"{before}{name}"]


def everything() -> Iterator[Named]:
    yield from (("a kind of bot", kind) for kind in BUILT_IN)
    yield from (("a venue", rules.venue) for rules in reference.VENUES)
    yield from (("a command line command", f"kedge {name}") for name in commands(make_app()))
    yield from (("a verb of the engine", verb) for verb in VERBS)
    yield from (("a kind of record", kind.__name__) for kind in get_args(Record))
    yield from (("an exit code", str(int(code))) for code in Exit)
    yield from (("a fault of the paper venue", kind) for kind in get_args(FaultKind))
    yield from (("a fault of the testnets", kind) for kind in WIRE_FAULTS)
    for order in get_args(ControlOrder):
        yield "an order of the control door", order.__struct_config__.tag
    yield from (("a fault of storms", kind) for kind in (*weather.KINDS, *weather.MACHINE))
    yield from (("a request at the gate", kind.__name__) for kind in get_args(frames.Request))
    yield from (("an answer of the gate", kind.__name__) for kind in get_args(frames.Reply))
    for section, struct in settings_text.sections():
        yield "a section of the settings", f"[{section}]"
        yield from (("a setting", entry.name) for entry in form(struct) if entry.type != "structure")


@cache
def pages() -> tuple[Path, ...]:
    return tuple(sorted(DOCS.rglob("*.md")))


@cache
def described() -> frozenset[str]:
    """What stands in a heading, or in code within a table's row or a line that defines it."""
    names: set[str] = set()
    for page in pages():
        for line in page.read_text().splitlines():
            if line.startswith("#"):
                title = line.lstrip("#").strip()
                names |= {title, title.split(" (")[0], title.strip("`")}
            elif line.startswith(("|", "* `", "- `", "**`")):
                names |= set(re.findall(r"`([^`]+)`", line))
                names |= {cell.strip() for cell in line.strip("|").split("|")[:1]}
            elif line.startswith("Journalled as"):
                names |= set(re.findall(r"`([^`]+)`", line))
    return frozenset(names)


def test_everything_that_exists_is_described() -> None:
    report(
        list(
            dict.fromkeys(
                f"{what}: {name} is in no heading and no table"
                for what, name in everything()
                if name not in described()
            )
        )
    )


def test_every_exit_code_has_a_meaning() -> None:
    assert list(MEANINGS) == list(Exit)


def test_every_parameter_has_a_meaning() -> None:
    """Forms, flags and pages are made from these words; a parameter without them is a riddle on all three."""
    found = [f"{kind}: {e.name}" for kind, bot in BUILT_IN.items() for e in form(bot.Config) if not e.help]
    found += [
        f"[{section}]: {entry.name}"
        for section, struct in settings_text.sections()
        for entry in form(struct)
        if not entry.help
    ]
    report([f"{one} has no description" for one in found])


# ── links ───────────────────────────────────────────────────────────────────────────────────────

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
PICTURE = re.compile(r'!\[[^\]]*\]\(([^)\s]+)\)|\b(?:src|srcset)="([^"]+)"')
CODE = re.compile(r"```.*?```", re.DOTALL)


def prose(page: Path) -> str:
    return CODE.sub("", page.read_text())


def links(page: Path) -> Iterator[tuple[str, Path, str]]:
    """Every relative link: as written, the file it means, the anchor in it."""
    for target in LINK.findall(prose(page)):
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        yield target, (page.parent / name).resolve() if name else page, anchor


def anchors(page: Path) -> set[str]:
    """The anchors that a forge makes of a page's headings."""
    found: set[str] = set()
    for line in prose(page).splitlines():
        if line.startswith("#"):
            title = re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower())
            found.add(title.replace(" ", "-"))
    return found


def readable() -> list[Path]:
    return [*pages(), *(ROOT / name for name in OTHERS)]


def test_links_lead_somewhere() -> None:
    found = []
    for page in readable():
        for written, target, anchor in links(page):
            if not target.exists():
                found.append(f"{page.relative_to(ROOT)}: {written}: there is no such file")
            elif anchor and target.suffix == ".md" and anchor not in anchors(target):
                found.append(f"{page.relative_to(ROOT)}: {written}: there is no such heading")
    report(found)


def test_pictures_are_there() -> None:
    found = []
    for page in readable():
        for one, other in PICTURE.findall(prose(page)):
            if "://" not in (name := one or other) and not (page.parent / name).exists():
                found.append(f"{page.relative_to(ROOT)}: there is no picture {name}")
    report(found)


def test_every_page_is_reached_from_the_index() -> None:
    reached: dict[Path, None] = {INDEX: None}
    for page in (queue := [INDEX]):
        for _, target, _ in links(page):
            inside = target.suffix == ".md" and target.is_relative_to(DOCS) and target.exists()
            if inside and target not in reached:
                reached[target] = None
                queue.append(target)
    report(
        [
            f"{page.relative_to(ROOT)}: no way leads here from docs/index.md"
            for page in pages()
            if page not in reached
        ]
    )


def test_pages_that_the_code_names_are_there() -> None:
    found = []
    for path in sources():
        for name in re.findall(r"\bdocs/[\w/-]+\.md\b", path.read_text()):
            if not (ROOT / name).exists():
                found.append(f"{path.relative_to(ROOT)}: names {name}, which is not there")
    report(found)


def test_files_that_the_pages_name_are_there() -> None:
    """`engine/step.py`, `tests/crash/`: from the root or the package; `step.py`: from anywhere there."""
    single = {path.name for path in (*sources(), *sources(ROOT / "tests"))}
    found = []
    for page in readable():
        for name in re.findall(r"`((?:[\w.-]+/)+[\w.-]*|[\w-]+\.py)`", prose(page)):
            top = name.split("/")[0]
            ours = top in ("kedge", "tests", "docs", "bench") or (PACKAGE / top).is_dir()
            if "/" not in name:
                there = name in single or name in EXAMPLES
            else:
                there = any((base / name).exists() for base in (ROOT, PACKAGE))
            if (ours or name.endswith(".py")) and not there:
                found.append(f"{page.relative_to(ROOT)}: names `{name}`, which is not there")
    report(found)


# Files that are a reader's own.
EXAMPLES = ("my_module.py",)


# ── commands in examples ────────────────────────────────────────────────────────────────────────


def examples(page: Path) -> Iterator[list[str]]:
    for block in CODE.findall(page.read_text()):
        for line in block.splitlines():
            if line.startswith("$ kedge "):
                yield line.split("#")[0].split()[2:]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.stem)
def test_examples_name_commands_that_exist(page: Path) -> None:
    known = set(commands(make_app()))
    found = []
    for words in examples(page):
        said = [" ".join(words[:2]), words[0]]
        if not any(one in known for one in said) and not words[0].startswith("-"):
            found.append(f"kedge {' '.join(words)}")
    report([f"{one}: there is no such command" for one in found])
