"""What people are to be told, kept until it is delivered: rows in the people's database.

One row per notice and channel. Rows and the cursor of the journal's entries move in one transaction, so that
after any crash no entry is left out and none is told twice under another key. A row is

    waiting      it is to be sent
    delivered    the channel has taken it
    dead         it could not be delivered for too long, or will never be taken; `trouble` says why

Delivered rows stay for some days: while they are there, the same key is not sent again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec
from msgspec import Struct

from kedge.desk.notices import Notice, Standing
from kedge.desk.tables.people import PeopleDatabase, Transaction

SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS
KEEP_NS = 14 * DAY_NS
# One channel holds so many at most; beyond that the oldest that are no alarms give way.
WAITING_MAX = 5_000
PACK_MAX = 500

STEPS = (
    (
        """CREATE TABLE outbox_notice (
            channel {name} NOT NULL,
            notice {name} NOT NULL,
            place {int} NOT NULL,
            level {name} NOT NULL,
            kind {name} NOT NULL,
            body {text} NOT NULL,
            made_ns {int} NOT NULL,
            state {name} NOT NULL,
            tries {int} NOT NULL,
            trouble {text} NOT NULL,
            done_ns {int} NOT NULL,
            PRIMARY KEY (channel, notice)
        )""",
        "CREATE INDEX outbox_waiting ON outbox_notice (state, channel, place)",
        "CREATE INDEX outbox_done ON outbox_notice (done_ns)",
        """CREATE TABLE outbox_place (
            journal {name} NOT NULL PRIMARY KEY,
            desk {name} NOT NULL,
            seq {int} NOT NULL,
            standing {text} NOT NULL,
            summary_day {name} NOT NULL
        )""",
    ),
)

_standing = msgspec.json.Decoder(dict[str, Standing])
_notice = msgspec.json.Decoder(Notice)


class Place(Struct, frozen=True):
    """How far one journal was told: which desk's it is, the last entry, and what stands."""

    desk: str
    seq: int
    standing: dict[str, Standing] = {}
    summary_day: str = ""


class Waiting(Struct, frozen=True):
    notice: Notice
    made_ns: int
    tries: int


class Line(Struct, frozen=True):
    """One row for people: `kedge notices`."""

    channel: str
    state: str
    level: str
    kind: str
    text: str
    made_ns: int
    tries: int
    trouble: str


class Outbox:
    """Blocking, as databases are: the post calls it in a thread."""

    def __init__(self, people: PeopleDatabase) -> None:
        self._people = people

    def open(self) -> None:
        self._people.part_schema("outbox", STEPS)

    # ── coming in ───────────────────────────────────────────────────────────────────────────────

    def place(self, journal: str) -> Place | None:
        found = self._people.fetch(
            "SELECT desk, seq, standing, summary_day FROM outbox_place WHERE journal = ?", (journal,)
        )
        if not found:
            return None
        desk, seq, standing, day = found[0]
        return Place(str(desk), int(seq), _standing.decode(str(standing)), str(day))

    def put(
        self, routed: Iterable[tuple[str, Notice]], now_ns: int, journal: str = "", place: Place | None = None
    ) -> int:
        """Keep notices for their channels and, with them, how far the journal was told; how many are new."""
        new = 0
        with self._people.transaction() as within:
            found = within.fetch("SELECT COALESCE(MAX(place), 0) FROM outbox_notice")
            number = int(found[0][0])
            for channel, notice in routed:
                number += 1
                new += within.insert_new(
                    "outbox_notice",
                    {
                        "channel": channel,
                        "notice": notice.key,
                        "place": number,
                        "level": notice.level,
                        "kind": notice.kind,
                        "body": msgspec.json.encode(notice).decode(),
                        "made_ns": now_ns,
                        "state": "waiting",
                        "tries": 0,
                        "trouble": "",
                        "done_ns": 0,
                    },
                )
            if place is not None:
                row = {
                    "journal": journal,
                    "desk": place.desk,
                    "seq": place.seq,
                    "standing": msgspec.json.encode(place.standing).decode(),
                    "summary_day": place.summary_day,
                }
                within.upsert("outbox_place", ("journal",), row)
        return new

    # ── going out ───────────────────────────────────────────────────────────────────────────────

    def waiting(self, channel: str, limit: int = PACK_MAX) -> list[Waiting]:
        """The alarms first, then in the order they came."""
        found = self._people.fetch(
            "SELECT body, made_ns, tries FROM outbox_notice WHERE state = 'waiting' AND channel = ?"
            f" ORDER BY CASE level WHEN 'alarm' THEN 0 ELSE 1 END, place LIMIT {int(limit)}",
            (channel,),
        )
        return [Waiting(_notice.decode(str(body)), int(made), int(tries)) for body, made, tries in found]

    def delivered(self, channel: str, notices: Sequence[Notice], now_ns: int) -> None:
        self._end(channel, notices, "delivered", "", now_ns)

    def dead(self, channel: str, notices: Sequence[Notice], why: str, now_ns: int) -> None:
        self._end(channel, notices, "dead", why, now_ns)

    def troubled(self, channel: str, notices: Sequence[Notice], why: str) -> None:
        """It was tried in vain."""
        with self._people.transaction() as within:
            for notice in notices:
                within.execute(
                    "UPDATE outbox_notice SET tries = tries + 1, trouble = ? WHERE channel = ? AND notice = ?"
                    " AND state = 'waiting'",
                    (why, channel, notice.key),
                )

    def give_up(self, before_ns: int, now_ns: int) -> int:
        """What has waited for too long is dead; how many."""
        return self._people.execute(
            "UPDATE outbox_notice SET state = 'dead', done_ns = ? WHERE state = 'waiting' AND made_ns < ?",
            (now_ns, before_ns),
        )

    def tidy(self, channels: Sequence[str], now_ns: int) -> None:
        """Forget what is done for long; hold each channel to its bound; close what has no channel."""
        with self._people.transaction() as within:
            within.execute(
                "DELETE FROM outbox_notice WHERE state <> 'waiting' AND done_ns < ?", (now_ns - KEEP_NS,)
            )
            found = within.fetch(
                "SELECT channel, COUNT(*) FROM outbox_notice WHERE state = 'waiting' GROUP BY channel"
            )
            for channel, count in found:
                if str(channel) not in channels:
                    within.execute(
                        "UPDATE outbox_notice SET state = 'dead', trouble = ?, done_ns = ?"
                        " WHERE state = 'waiting' AND channel = ?",
                        ("this channel is no longer in the settings", now_ns, channel),
                    )
                elif int(count) > WAITING_MAX:
                    self._hold(within, str(channel), int(count) - WAITING_MAX, now_ns)

    def _hold(self, within: Transaction, channel: str, many: int, now_ns: int) -> None:
        least = within.fetch(
            "SELECT place FROM outbox_notice WHERE state = 'waiting' AND channel = ? AND level <> 'alarm'"
            f" ORDER BY place LIMIT {int(many)}",
            (channel,),
        )
        if least:
            within.execute(
                "UPDATE outbox_notice SET state = 'dead', trouble = ?, done_ns = ? WHERE state = 'waiting'"
                " AND channel = ? AND level <> 'alarm' AND place <= ?",
                ("too many waited before it", now_ns, channel, int(least[-1][0])),
            )

    def _end(self, channel: str, notices: Sequence[Notice], state: str, why: str, now_ns: int) -> None:
        with self._people.transaction() as within:
            for notice in notices:
                within.execute(
                    "UPDATE outbox_notice SET state = ?, trouble = ?, done_ns = ?"
                    " WHERE channel = ? AND notice = ?",
                    (state, why, now_ns, channel, notice.key),
                )

    # ── for people ──────────────────────────────────────────────────────────────────────────────

    def counts(self) -> dict[str, int]:
        """How many wait in each channel."""
        found = self._people.fetch(
            "SELECT channel, COUNT(*) FROM outbox_notice WHERE state = 'waiting' GROUP BY channel"
            " ORDER BY channel"
        )
        return {str(channel): int(count) for channel, count in found}

    def lines(self, state: str = "", limit: int = 50, language: str = "en") -> list[Line]:
        """The newest first."""
        where = "WHERE state = ?" if state else "WHERE ? = ''"
        found = self._people.fetch(
            f"SELECT channel, state, level, kind, body, made_ns, tries, trouble FROM outbox_notice {where}"
            f" ORDER BY place DESC LIMIT {int(limit)}",
            (state,),
        )
        return [
            Line(
                str(channel),
                str(is_),
                str(level),
                str(kind),
                _notice.decode(str(body)).told(language),
                int(made),
                int(tries),
                str(trouble),
            )
            for channel, is_, level, kind, body, made, tries, trouble in found
        ]
