"""In which language Telegram speaks: gettext catalogues read as they are written.

`kedge/desk/locale/<language>/LC_MESSAGES/telegram.po` is read at the first use: there is nothing to compile,
and nothing that can be older than its source. What has no translation is said in English. Words of the
engine, of bots and of venues are passed on as they came.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib import resources

LANGUAGES = {"en": "English", "ru": "Русский", "fr": "Français"}


def marked(message: str) -> str:
    """Marks a sentence for the catalogues where it is written down before it is said."""
    return message


class Tongue:
    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._said = catalogue(self.language)

    def __call__(self, message: str, /, **values: object) -> str:
        """The sentence in this language, with its values put in."""
        said = self._said.get(message) or message
        return said.format(**values) if values else said


@cache
def catalogue(language: str) -> dict[str, str]:
    if language == "en":
        return {}
    file = resources.files("kedge.desk") / "locale" / language / "LC_MESSAGES" / "telegram.po"
    return read_po(file.read_text("utf-8"))


def read_po(text: str) -> dict[str, str]:
    """msgid and msgstr pairs; fuzzy ones are left out, plurals are not used."""
    found: dict[str, str] = {}
    for entry in text.split("\n\n"):
        parts = {"msgid": "", "msgstr": ""}
        place = ""
        lines = entry.splitlines()
        if any(line.startswith("#,") and "fuzzy" in line for line in lines):
            continue
        for line in lines:
            word, _, rest = line.partition(" ")
            if word in parts:
                place, line = word, rest
            if line.startswith('"') and place:
                parts[place] += str(ast.literal_eval(line))
        if parts["msgid"] and parts["msgstr"]:
            found[parts["msgid"]] = parts["msgstr"]
    return found
