"""The kinds of bots in a person's own folder, found by reading the files; nothing is run to list them."""

from __future__ import annotations

import ast

from kedge.desk.web import project

FILES_MAX = 200
BYTES_MAX = 256 * 1024


def found() -> list[tuple[str, str]]:
    """`module:Class` and the first line of its docstring, for every class that derives from Bot."""
    folder = project.context().home.bots_folder
    kinds: list[tuple[str, str]] = []
    if not folder.is_dir():
        return kinds
    for path in sorted(folder.glob("*.py"))[:FILES_MAX]:
        try:
            tree = ast.parse(path.read_bytes()[:BYTES_MAX])
        except (OSError, SyntaxError, ValueError):
            continue  # its own page says what is wrong when it is chosen
        for node in tree.body:
            if isinstance(node, ast.ClassDef) and any(_is_bot(base) for base in node.bases):
                says = (ast.get_docstring(node) or "").partition("\n")[0]
                kinds.append((f"{path.stem}:{node.name}", says))
    return kinds


def _is_bot(base: ast.expr) -> bool:
    if isinstance(base, ast.Subscript):
        return _is_bot(base.value)
    return (isinstance(base, ast.Name) and base.id == "Bot") or (
        isinstance(base, ast.Attribute) and base.attr == "Bot"
    )
