"""One doer at a time for what must not be done twice: a row with a name, a holder and an end.

A lease is taken for some seconds and renewed long before they are over. Who was stopped (a machine that
slept, a database that was away) finds on waking that another holds it, and lets go.
"""

from __future__ import annotations

import itertools
import os
import socket

from kedge.desk.tables.people import PeopleDatabase

SECOND_NS = 1_000_000_000
LASTS_NS = 15 * SECOND_NS
RENEW_S = 4.0

STEPS = (
    (
        """CREATE TABLE lease_holder (
            name {name} NOT NULL PRIMARY KEY,
            holder {name} NOT NULL,
            until_ns {int} NOT NULL
        )""",
    ),
)


_numbers = itertools.count(1)


def new_holder() -> str:
    """A name that nobody else has now, and that tells people which process it is."""
    return f"{socket.gethostname()}/{os.getpid()}/{next(_numbers)}"


class Leases:
    """Blocking, as databases are."""

    def __init__(self, people: PeopleDatabase) -> None:
        self._people = people

    def open(self) -> None:
        self._people.part_schema("lease", STEPS)

    def take(self, name: str, holder: str, now_ns: int) -> str:
        """Take it, or renew it. Who else holds it, "" where it is ours now."""
        until_ns = now_ns + LASTS_NS
        with self._people.transaction() as within:
            fresh = {"name": name, "holder": holder, "until_ns": until_ns}
            if not within.insert_new("lease_holder", fresh):
                # One statement judges and takes: of two at once, the second finds the first.
                within.execute(
                    "UPDATE lease_holder SET holder = ?, until_ns = ?"
                    " WHERE name = ? AND (holder = ? OR until_ns < ?)",
                    (holder, until_ns, name, holder, now_ns),
                )
            found = within.fetch("SELECT holder FROM lease_holder WHERE name = ?", (name,))
        other = str(found[0][0])
        return "" if other == holder else other

    def leave(self, name: str, holder: str) -> None:
        self._people.execute("DELETE FROM lease_holder WHERE name = ? AND holder = ?", (name, holder))
