"""In which language the person behind a mail address reads: as they chose, else as the settings say.

People and their choices are Django's tables. The post may run where nothing of Django does (the watch sends
while the desk is away), so it reads two columns of theirs by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kedge.desk.said import LANGUAGES
from kedge.desk.tables.people import DatabaseTrouble, PeopleDatabase

# The tables of `kedge.desk.web.models.Profile` and of Django's users.
_PROFILES = "desk_profile"
_CHOSEN = (
    "SELECT auth_user.username, desk_profile.language FROM desk_profile"
    " JOIN auth_user ON auth_user.id = desk_profile.user_id"
)


class Languages:
    """`persons` are the people's names by their addresses. Blocking, as databases are."""

    def __init__(self, people: PeopleDatabase | None, persons: Mapping[str, str], usual: str) -> None:
        self._people, self._persons, self._usual = people, persons, usual

    def groups(self, addresses: Sequence[str]) -> dict[str, list[str]]:
        """Languages, each with those who read it; in the order of the addresses."""
        chosen = self._chosen() if any(one in self._persons for one in addresses) else {}
        found: dict[str, list[str]] = {}
        for address in addresses:
            language = chosen.get(self._persons.get(address, ""), "")
            found.setdefault(language if language in LANGUAGES else self._usual, []).append(address)
        return found

    def _chosen(self) -> dict[str, str]:
        """What cannot be looked up now holds no mail up."""
        if self._people is None:
            return {}
        try:
            if not self._people.has_table(_PROFILES):
                return {}
            return {str(name): str(language) for name, language in self._people.fetch(_CHOSEN)}
        except DatabaseTrouble:
            return {}
