"""In which language Telegram speaks: the catalogues `telegram.po`, read as `kedge/desk/said.py` does.

What has no translation is said in English. Words of the engine, of bots and of venues are passed on as they
came.
"""

from __future__ import annotations

from kedge.desk import said
from kedge.desk.said import LANGUAGES as LANGUAGES


def marked(message: str) -> str:
    """Marks a sentence for the catalogues where it is written down before it is said."""
    return message


class Tongue:
    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else "en"
        self._said = catalogue(self.language)

    def __call__(self, message: str, /, **values: object) -> str:
        """The sentence in this language, with its values put in."""
        found = self._said.get(message) or message
        return found.format(**values) if values else found


def catalogue(language: str) -> dict[str, str]:
    return said.catalogue("telegram", language)
