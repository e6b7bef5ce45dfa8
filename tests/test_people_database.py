"""The people's database and the addresses of databases: three kinds, one manner."""

from __future__ import annotations

import gc
import stat
import threading
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import NAMES, fresh

from kedge.desk.tables.address import AddressWrong, parse
from kedge.desk.tables.database import DatabaseTrouble
from kedge.desk.tables.people import PeopleDatabase, people_address, people_of, rows_address
from kedge.home import Home
from kedge.journal.dialect import clean
from kedge.settings import Secrets, SettingsWrong
from kedge.settings import parse as parse_settings

MESSAGES = [
    [
        "CREATE TABLE post_message (id {id}, message_key {name} NOT NULL, body {text} NOT NULL,"
        " raw {bytes}, urgent {flag} NOT NULL, due_ns {int} NOT NULL, cost {decimal})",
        "CREATE UNIQUE INDEX post_message_key ON post_message (message_key)",
    ],
    ["ALTER TABLE post_message ADD COLUMN tries {int} NOT NULL DEFAULT 0"],
]
ROW = {
    "message_key": "a",
    "body": "100% 'sure'? \0",
    "raw": b"\x00\xff",
    "urgent": True,
    "due_ns": 2**62,
    "cost": None,
}


@pytest.fixture(params=NAMES)
def people(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[PeopleDatabase]:
    with fresh(request.param, tmp_path, truth=True) as address:
        database = PeopleDatabase(address)
        yield database
        database.close()


def test_a_part_keeps_its_tables_in_steps(people: PeopleDatabase) -> None:
    assert people.part_schema("post", MESSAGES[:1]) == 0
    people.execute(
        "INSERT INTO post_message (message_key, body, urgent, due_ns) VALUES (?, ?, ?, ?)",
        ("k", "b", True, 1),
    )
    assert people.part_schema("post", MESSAGES) == 1
    assert people.part_schema("post", MESSAGES) == 2
    assert people.part_schema("other", []) == 0
    assert people.fetch("SELECT message_key, tries FROM post_message") == [("k", 0)]
    with pytest.raises(DatabaseTrouble, match="newer Kedge"):
        people.part_schema("post", MESSAGES[:1])


def test_values_come_back_as_they_went_in(people: PeopleDatabase) -> None:
    people.part_schema("post", MESSAGES)
    with people.transaction() as within:
        assert within.insert_new("post_message", ROW)
        assert not within.insert_new("post_message", ROW)
        within.upsert("post_message", ["message_key"], ROW | {"due_ns": 5})
    found = people.fetch(
        "SELECT body, raw, urgent, due_ns FROM post_message WHERE body LIKE ? AND 1 % 2 = 1", ("100%",)
    )
    assert [(body, bytes(raw), bool(urgent), due) for body, raw, urgent, due in found] == [
        ("100% 'sure'? \ufffd", b"\x00\xff", True, 5)
    ]
    assert people.execute("UPDATE post_message SET due_ns = due_ns + 1 WHERE message_key = ?", ("a",)) == 1
    assert people.execute("DELETE FROM post_message WHERE message_key = ?", ("b",)) == 0


def test_a_transaction_is_all_or_none(people: PeopleDatabase) -> None:
    people.part_schema("post", MESSAGES)

    def fail() -> None:
        with people.transaction() as within:
            within.insert_new("post_message", ROW)
            raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        fail()
    assert people.fetch("SELECT count(*) FROM post_message") == [(0,)]


def test_keys_are_compared_letter_by_letter(people: PeopleDatabase) -> None:
    people.part_schema("post", MESSAGES)
    keys = ["a", "A", "a ", "é", "e", "ж", "Ж", "\U0001f600", "\uffee", ""]
    with people.transaction() as within:
        for key in keys:
            assert within.insert_new("post_message", ROW | {"message_key": key}), key
    found = people.fetch("SELECT message_key FROM post_message ORDER BY message_key")
    assert [key for (key,) in found] == sorted(keys)


def test_many_threads_count_right(people: PeopleDatabase) -> None:
    people.part_schema("post", MESSAGES)
    people.execute(
        "INSERT INTO post_message (message_key, body, urgent, due_ns) VALUES ('n', '', ?, 0)", (False,)
    )

    def add() -> None:
        for _ in range(10):
            with people.transaction() as within:
                ((value,),) = within.fetch("SELECT due_ns FROM post_message WHERE message_key = 'n'")
                within.execute("UPDATE post_message SET due_ns = ? WHERE message_key = 'n'", (value + 1,))

    threads = [threading.Thread(target=add) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert people.fetch("SELECT due_ns FROM post_message") == [(60,)]


def test_a_server_that_went_away_is_trouble_and_comes_back(tmp_path: Path) -> None:
    for kind in NAMES[1:]:
        with fresh(kind, tmp_path) as address:
            database = PeopleDatabase(address)
            assert database.fetch("SELECT 1") == [(1,)]
            with database._connection() as raw:
                (number,) = next(iter(_fetch(raw, address.kind)))
            other = PeopleDatabase(address)
            kill = "SELECT pg_terminate_backend(?)" if kind == "postgresql" else "KILL ?"
            other.fetch(kill, (number,))
            other.close()
            assert database.fetch("SELECT 2") == [(2,)], "an idle connection that was cut is replaced"
            database.close()


def _fetch(raw: object, kind: str) -> list[tuple[int, ...]]:
    cursor = raw.cursor()  # type: ignore[attr-defined]
    cursor.execute("SELECT pg_backend_pid()" if kind == "postgresql" else "SELECT connection_id()")
    return list(cursor.fetchall())


def test_nobody_home_is_one_sentence(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        # PyMySQL leaves the socket of a refused connection to the collector.
        warnings.simplefilter("ignore", ResourceWarning)
        for url in (
            "postgresql://u@/x?host=/nowhere",
            "mysql://u@/x?unix_socket=/nowhere",
            "/nowhere/x.sqlite",
        ):
            database = PeopleDatabase(parse(url))
            with pytest.raises(DatabaseTrouble, match="cannot be used") as trouble:
                database.fetch("SELECT 1")
            assert "\n" not in str(trouble.value)
        del trouble
        gc.collect()


# ── addresses ───────────────────────────────────────────────────────────────────────────────────


def test_a_password_is_a_secrets_name_and_never_shown() -> None:
    address = parse(
        "postgresql://ann:{DB_PASSWORD}@db:5433/desk?sslmode=require", {"DB_PASSWORD": "h:/@x"}.__getitem__
    )
    assert (address.kind, address.host, address.port, address.user, address.name) == (
        "postgresql",
        "db",
        5433,
        "ann",
        "desk",
    )
    assert address.password == "h:/@x"
    assert "h:/@x" not in f"{address} {address!r} {address.shown}"
    assert address.shown == "postgresql://ann@db:5433/desk"


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("oracle://x/y", "begins with 'oracle'"),
        ("postgresql://x", "names no database"),
        ("mysql://u:hunter2@h/x", "must not stand"),
        ("mysql://u:{NAME}@h/x", "no secrets can be read"),
        ("mysql://u@h/x?host=1", "takes: unix_socket"),
        ("mysql://u@h:99999999/x", "cannot be read"),
    ],
)
def test_what_is_wrong_with_an_address_is_said(url: str, says: str) -> None:
    with pytest.raises(AddressWrong, match=says) as wrong:
        parse(url)
    assert "hunter2" not in str(wrong.value)


def test_the_homes_own_files(tmp_path: Path) -> None:
    home = Home(tmp_path)
    chosen, secrets = parse_settings({}), Secrets(home.secrets, {})
    people = people_of(home, chosen, secrets)
    people.part_schema("post", MESSAGES)
    assert (tmp_path / "desk.sqlite").is_file()
    assert stat.S_IMODE((tmp_path / "desk.sqlite").stat().st_mode) == 0o600
    assert people.fetch("PRAGMA journal_mode") == [("delete",)]
    assert people.fetch("PRAGMA synchronous") == [(2,)]
    people.close()
    assert rows_address(home, chosen, secrets).name.endswith("desk-rows.sqlite")


def test_the_setting(tmp_path: Path) -> None:
    home = Home(tmp_path)
    chosen = parse_settings({"database": {"url": "mariadb://kedge:{DESK_DB}@db/desk"}})
    assert people_address(home, chosen, Secrets(home.secrets, {"DESK_DB": "pw"})).password == "pw"
    with pytest.raises(SettingsWrong, match="needs the secret DESK_DB"):
        people_address(home, chosen, Secrets(home.secrets, {}))
    for url in ("mysql://u:pw@h/x", "file:///x"):
        with pytest.raises(SettingsWrong, match="url") as wrong:
            parse_settings({"database": {"url": url}})
        assert "pw" not in str(wrong.value)


def test_halves_of_letters_are_replaced() -> None:
    assert clean("a\ud800b\0") == "a\ufffdb\ufffd"
    assert clean("\U0001f600") == "\U0001f600"
