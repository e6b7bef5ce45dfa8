"""Older files become today's: record kinds on reading, the schema at open."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from kedge.journal import migrate
from kedge.journal.journal import TooNew
from kedge.journal.sqlite import ReadOnlyJournal, SqliteJournal
from kedge.journal.store import Link, Store, chained, file_of
from kedge.model import records as r
from kedge.model.records import Entry


def older_file(home: Path, kinds: dict[str, int], body: str) -> None:
    """A file as an older Kedge with these kinds would have left it, with one row."""
    home.mkdir()
    store = Store.open_to_drive(file_of(home, "main"), "main", "0.0", 0)
    text = body.encode()
    last = len(msgspec.json.decode(text))
    with store.db:
        store.db.execute("UPDATE vocabulary SET kinds = ?", (msgspec.json.encode(kinds).decode(),))
        crc = chained(Link(0, 0), 1, last, 5, 1, text)
        store.db.execute("INSERT INTO flush VALUES (1, ?, 5, 1, ?, ?)", (last, crc, text))
    store.close()


def noted_1_to_2(data: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had a number for the level, and called the text `says`."""
    level = ("info", "warn", "alarm")[data.pop("level")]
    return {**data, "level": level, "text": data.pop("says")}


OLD = (
    '[[1,5,{"type":"Noted","level":1,"says":"late"}],[2,5,{"type":"BotStated","bot":"b","state":{"x":1.50}}]]'
)


def test_an_older_record_is_read_as_todays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(r.VERSIONS, "Noted", 2)
    monkeypatch.setitem(migrate.STEPS, ("Noted", 1), noted_1_to_2)
    home = tmp_path / "home"
    older_file(home, {**migrate.kinds(), "Noted": 1}, OLD)

    async def go() -> None:
        journal = SqliteJournal.open(home, "main", "0.2", lambda: 0)
        await journal.append([Entry(3, 6, r.Noted("info", "new"))])
        first, second, third = (entry.record for entry in journal.tail(0))
        assert first == r.Noted("warn", "late")
        assert isinstance(second, r.BotStated)
        assert bytes(second.state) == b'{"x":1.50}', "what was not upgraded keeps its very bytes"
        assert third == r.Noted("info", "new")
        await journal.close()

    asyncio.run(go())
    with ReadOnlyJournal.open(home, "main") as stopped:
        assert [entry.seq for entry in stopped.tail(0)] == [1, 2, 3]


def test_steps_follow_each_other_and_may_rename(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(migrate.STEPS, ("Said", 1), lambda d: {**d, "text": d["text"] + "!"})
    monkeypatch.setitem(migrate.STEPS, ("Said", 2), lambda d: {**d, "type": "Noted", "level": 0})
    monkeypatch.setitem(migrate.STEPS, ("Noted", 1), lambda d: {**d, "level": "info"})
    data = migrate.upgrade("Said", 1, {"type": "Said", "text": "hm"})
    assert data == {"type": "Noted", "text": "hm!", "level": "info"}
    migrate.check_known({"Said": 1}, "0.1")


def test_a_kind_without_steps_is_read_as_it_is() -> None:
    assert migrate.upgrade("Noted", 1, {"type": "Noted"}) == {"type": "Noted"}


def test_a_kind_from_the_future_is_refused() -> None:
    with pytest.raises(TooNew, match="knows Noted version 7"):
        migrate.check_known({"Noted": 7}, "9.0")


def test_every_version_above_one_has_all_its_steps() -> None:
    for kind, version in r.VERSIONS.items():
        for older in range(1, version):
            assert (kind, older) in migrate.STEPS, f"{kind} has no step from {older}"


def test_an_older_schema_is_brought_up_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = tmp_path / "home"
    older_file(home, migrate.kinds(), '[[1,5,{"type":"Noted","level":"info","text":"x"}]]')
    monkeypatch.setattr(migrate, "SCHEMA", (*migrate.SCHEMA, "CREATE TABLE extra (a)"))

    async def go() -> None:
        for _ in range(2):
            journal = SqliteJournal.open(home, "main", "0.2", lambda: 0)
            assert journal._live(lambda s: s.db.execute("SELECT count(*) FROM extra").get) == 0
            assert len(list(journal.tail(0))) == 1
            await journal.close()

    asyncio.run(go())
    db = apsw.Connection(str(file_of(home, "main")))
    assert db.pragma("user_version") == len(migrate.SCHEMA)
    db.close()
