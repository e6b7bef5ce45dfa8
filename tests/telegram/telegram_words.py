"""Every sentence that Telegram says, found in the source: what the catalogues must have."""

from __future__ import annotations

import ast

from house import PACKAGE, nodes


def sentences() -> list[str]:
    found: dict[str, None] = {"sell": None, "buy": None, "This chat speaks English now.": None}
    for path in sorted((PACKAGE / "desk/telegram").glob("*.py")):
        for node in nodes(path):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
            if name in ("say", "marked") and isinstance(node.args[0].value, str):
                found[node.args[0].value] = None
    return list(found)
