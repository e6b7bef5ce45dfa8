"""A sentence of ours before it is said: its English form and what stands in it, told in anybody's language.

    say("{bot} was killed", bot="hedge-1")      a `Said`
    told(said, "ru")                            the sentence as one person reads it

Catalogues are gettext's, `kedge/desk/locale/<language>/LC_MESSAGES/<name>.po`: read as they are,
there is nothing to compile, and nothing that can be older than its source. What has no translation is said in
English. Words of the engine, of bots and of venues are passed on as they came.
"""

from __future__ import annotations

import ast
from functools import cache
from importlib import resources

from msgspec import Struct

LANGUAGES = {"en": "English", "ru": "Русский", "fr": "Français"}
NOTICES = "notices"


class Said(Struct, frozen=True, omit_defaults=True):
    """What stands in a sentence may be a sentence again. Kept with the notice until it is delivered."""

    form: str
    values: dict[str, str | Said] = {}


def say(form: str, /, **values: str | Said) -> Said:
    """Marks the sentence for the catalogue, too."""
    return Said(form, values)


def as_it_came(words: str) -> Said:
    """What is not ours to translate."""
    return Said("{words}", {"words": words})


def told(said: Said, language: str = "en") -> str:
    form = catalogue(NOTICES, language).get(said.form) or said.form
    if not said.values:
        return form
    values = {
        name: value if isinstance(value, str) else told(value, language)
        for name, value in said.values.items()
    }
    return form.format(**values)


# ── catalogues ──────────────────────────────────────────────────────────────────────────────────


@cache
def catalogue(name: str, language: str) -> dict[str, str]:
    if language == "en" or language not in LANGUAGES:
        return {}
    file = resources.files("kedge.desk") / "locale" / language / "LC_MESSAGES" / f"{name}.po"
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
