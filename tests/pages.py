"""Reference pages have a generated block between markers; a test compares it with what the code makes.

KEDGE_WRITE_PAGES=1 python -m pytest tests      writes the blocks (and golden outputs) anew
"""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).parent.parent
BEGIN = "<!-- generated: {name} -->"
END = "<!-- end of generated -->"
WRITE = bool(os.environ.get("KEDGE_WRITE_PAGES"))


def check_page(name: str, made: str, folder: str = "docs/reference") -> None:
    path = ROOT / folder / f"{name}.md"
    begin = BEGIN.format(name=name)
    page = path.read_text()
    assert page.count(begin) == 1, f"{path} has no block marked {begin}"
    before, _, rest = page.partition(begin)
    block, end, after = rest.partition(END)
    assert end, f"{path}: the generated block has no end"
    wanted = f"\n{made.strip()}\n"
    if WRITE:
        path.write_text(before + begin + wanted + END + after)
        return
    assert block == wanted, f"{path} is old: run with KEDGE_WRITE_PAGES=1"


def check_golden(name: str, made: str) -> None:
    """What a command prints, kept as a file so that people see what changes."""
    path = ROOT / "tests" / "golden" / name
    if WRITE:
        path.parent.mkdir(exist_ok=True)
        path.write_text(made)
        return
    assert path.read_text() == made, f"{path} differs: look at it, then run with KEDGE_WRITE_PAGES=1"
