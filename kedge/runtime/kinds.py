"""The kinds of bots a desk knows: the built-in ones, and people's own by import path.

"hedge" is built in; "my_module:MyBot" is imported, `<home>/bots/` being on the path. Importing happens
here, in the shell, when a bot is added or found in the journal; the engine only looks kinds up.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

from kedge.bots import BUILT_IN
from kedge.engine.bot import Bot


class Kinds(Mapping[str, Bot[Any, Any]]):
    def __init__(self, folder: Path | None = None) -> None:
        self._known: dict[str, Bot[Any, Any]] = dict(BUILT_IN)
        if folder is not None and str(folder) not in sys.path:
            sys.path.append(str(folder))

    def load(self, kind: str) -> str:
        """Import a kind that is not known yet; a sentence says why it cannot be, "" when it is there."""
        if kind in self._known or ":" not in kind:
            return ""
        module_name, _, class_name = kind.partition(":")
        try:
            found = getattr(importlib.import_module(module_name), class_name)
        except Exception as error:  # noqa: BLE001  # a person's own file may fail in any way
            return f"the kind {kind!r} cannot be imported: {type(error).__name__}: {error}"
        said = _not_a_bot(found)
        if said:
            return f"the kind {kind!r} {said}"
        self._known[kind] = found()
        return ""

    def load_all(self, kinds: Iterable[str]) -> list[str]:
        """Import what can be imported; the sentences about the rest."""
        return [said for said in map(self.load, dict.fromkeys(kinds)) if said]

    def __getitem__(self, kind: str) -> Bot[Any, Any]:
        return self._known[kind]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _not_a_bot(found: object) -> str:
    if not isinstance(found, type) or not issubclass(found, Bot):
        return "is no bot: derive it from kedge.engine.bot.Bot"
    for name in ("Config", "State"):
        part = getattr(found, name, None)
        if not isinstance(part, type) or not issubclass(part, Struct):
            return f"has no {name}: set it to a msgspec Struct"
    if "decide" not in vars(found) and found.decide is Bot.decide:
        return "has no decide"
    return ""
