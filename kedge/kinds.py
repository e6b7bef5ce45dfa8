"""The kinds of bots a desk knows: the built-in ones, and people's own by import path.

"hedge" is built in; "my_module:MyBot" is imported, `<home>/bots/` being on the path. Importing happens
here, in the shell, when a bot is added, resumed or found in the journal; the engine only looks kinds up, and
says what `failed` where one is missing. The command line finds kinds by the same `find`.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec import Struct

from kedge.bots import BUILT_IN
from kedge.engine.bot import Bot
from kedge.model.sentences import both, unknown_name

_PATH = re.compile(r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$")


class NoKind(Exception):
    """There is no such kind of bot, or it is none; the text says why and what to do, in one sentence."""


class Kinds(Mapping[str, Bot[Any, Any]]):
    """All kinds in use. `failed` says of the others that were asked for why they are not there."""

    def __init__(self, folder: Path | None = None) -> None:
        self.failed: dict[str, str] = {}
        self._folder = folder
        self._known: dict[str, Bot[Any, Any]] = dict(BUILT_IN)

    def load(self, kind: str) -> str:
        """Import a kind that is not known yet; a sentence says why it cannot be, "" when it is there."""
        if kind in self._known:
            return ""
        try:
            self._known[kind] = make(find(kind, self._folder), kind)
        except NoKind as wrong:
            _forget(kind.partition(":")[0], self._folder)
            self.failed[kind] = str(wrong)
            return str(wrong)
        self.failed.pop(kind, None)
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


def find(kind: str, folder: Path | None) -> type[Bot[Any, Any]]:
    """A built-in kind, or "module:Class" from the bots folder or what is installed. Raises `NoKind`."""
    if kind in BUILT_IN:
        return type(BUILT_IN[kind])
    if ":" not in kind:
        says = unknown_name(kind, BUILT_IN, "kind of bot")
        raise NoKind(f"{says} (your own is named module:Class)")
    if not _PATH.match(kind):
        raise NoKind(f"`{kind}` is no class; write it like my_module:MyBot")
    module_name, _, class_name = kind.partition(":")
    known = module_name in sys.modules
    try:
        return _class_in(_import(module_name, folder), class_name)
    except NoKind:
        # The person may have mended the file since it was imported for another kind.
        if not _forget(module_name, folder) or not known:
            raise
    return _class_in(_import(module_name, folder), class_name)


def make(kind: type[Bot[Any, Any]], called: str) -> Bot[Any, Any]:
    """The one object of a kind. Raises `NoKind`."""
    try:
        return kind()
    except Exception as error:  # noqa: BLE001  # a person's own class may raise whatever it likes
        raise NoKind(f"{called} cannot be made: {type(error).__name__}: {error}") from None


# ── helpers ─────────────────────────────────────────────────────────────────────────────────────


def _import(name: str, folder: Path | None) -> ModuleType:
    if folder is not None and str(folder) not in sys.path:
        sys.path.append(str(folder))
    importlib.invalidate_caches()  # the file may have been written a moment ago
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        where = f" in {folder}" if error.name == name else f" (wanted by {name})"
        raise NoKind(f"there is no module {error.name}{where}") from None
    except SyntaxError as error:
        raise NoKind(f"{name} is not Python: {error.msg} (line {error.lineno})") from None
    except Exception as error:  # noqa: BLE001  # a person's own file may raise whatever it likes
        raise NoKind(f"{name} failed while it was imported: {type(error).__name__}: {error}") from None


def _class_in(module: ModuleType, name: str) -> type[Bot[Any, Any]]:
    found: object = getattr(module, name, None)
    if not (isinstance(found, type) and issubclass(found, Bot)):
        raise NoKind(f"{module.__name__}: {unknown_name(name, _bots_in(module), 'bot class')}")
    said = _unfinished(found)
    if said:
        raise NoKind(f"{module.__name__}:{name} {said}; see docs/how-to/write-a-bot.md")
    return found


def _forget(name: str, folder: Path | None) -> bool:
    """Have a person's own file read again at the next import; nothing else is ever unloaded."""
    file = getattr(sys.modules.get(name), "__file__", None)
    if folder is None or file is None or not Path(file).is_relative_to(folder):
        return False
    del sys.modules[name]
    return True


def _bots_in(module: ModuleType) -> list[str]:
    found = vars(module).items()
    return [name for name, one in found if isinstance(one, type) and issubclass(one, Bot) and one is not Bot]


def _unfinished(found: type[Bot[Any, Any]]) -> str:
    missing = [name for name in ("Config", "State") if not _is_struct(getattr(found, name, None))]
    if missing:
        return f"must say its {both(missing)}, each a msgspec Struct"
    for name in ("markets", "decide"):
        if getattr(found, name) is getattr(Bot, name):
            return f"has no {name}"
    return ""


def _is_struct(part: object) -> bool:
    return isinstance(part, type) and issubclass(part, Struct)
