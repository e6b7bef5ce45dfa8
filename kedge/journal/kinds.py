"""The list of record kinds in the reference page, made from the records themselves.

python -m kedge.journal.kinds docs/reference/journal.md     writes it anew between its two marks
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import get_args

from kedge.journal import migrate
from kedge.model.records import Record

BEGIN = "<!-- kinds: begin (made by python -m kedge.journal.kinds) -->"
END = "<!-- kinds: end -->"


def table() -> str:
    """One line a kind: name, version, fields, and the first paragraph of its docstring."""
    versions = migrate.kinds()
    lines = ["| kind | version | fields | what it says |", "|---|---|---|---|"]
    for kind in get_args(Record):
        fields = ", ".join(f"`{name}`" for name in kind.__struct_fields__)
        says = " ".join((kind.__doc__ or "").strip().split("\n\n")[0].split()).replace("|", "\\|")
        lines.append(f"| `{kind.__name__}` | {versions[kind.__name__]} | {fields} | {says} |")
    return "\n".join(lines)


def renewed(page: str) -> str:
    """The page with the list between its marks as it is today."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}"


if __name__ == "__main__":
    path = Path(sys.argv[1])
    path.write_text(renewed(path.read_text()))
