"""Records by example: every kind is folded, old and new versions can read each other's."""

from __future__ import annotations

import msgspec
import pytest
from msgspec import Raw, inspect

from kedge.engine.apply import _APPLY
from kedge.model import records as r

KINDS: tuple[type, ...] = r.Record.__args__  # type: ignore[attr-defined]


def test_every_kind_has_its_fold() -> None:
    assert list(_APPLY) == list(KINDS)


def test_every_kind_says_what_it_is() -> None:
    for kind in KINDS:
        assert kind.__doc__, kind.__name__


def test_versions_name_kinds_that_exist() -> None:
    assert {*r.VERSIONS} <= {kind.__name__ for kind in KINDS}


def test_a_newer_versions_field_is_passed_over() -> None:
    """A field that this version does not know does not stop it from reading the journal."""
    assert r.decode(b'{"type":"LifeBegan","life":3,"version":"9","mood":"good"}') == r.LifeBegan(3, "9")


def test_an_older_versions_record_is_read_with_todays_defaults() -> None:
    old = b'{"type":"BotAdded","bot":"a","number":1,"kind":"peg","config":{},"state":{}}'
    record = r.decode(old)
    assert isinstance(record, r.BotAdded)
    assert (record.state_version, record.origin) == (1, "command")


def test_defaults_are_not_written() -> None:
    body = r.encode(r.Noted("info", "x"))
    assert body == b'{"type":"Noted","level":"info","text":"x"}'


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"type":"Nothing"}',
        b'{"type":"Noted","level":"warning","text":"x"}',
        b'{"type":"DeskMade","desk":"1","cell":"a"}',
        b'{"type":"LifeBegan"}',
    ],
)
def test_what_is_no_record_is_refused(body: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        r.decode(body)


def test_kinds_are_named_by_their_class() -> None:
    assert r.kind_of(r.Heard("a", 1)) == "Heard"


def test_raw_parts_are_kept_to_the_byte() -> None:
    record = r.BotStated("a", Raw(b'{"n": 1.50}'))
    assert b'"state":{"n": 1.50}' in r.encode(record)


def test_an_entry_is_an_array() -> None:
    assert (
        msgspec.json.encode(r.Entry(1, 2, r.Heard("a", 1))) == b'[1,2,{"type":"Heard","bot":"a","number":1}]'
    )


def test_all_fields_added_to_a_released_kind_must_have_defaults_so_required_ones_are_listed() -> None:
    """A new required field would make every older journal unreadable: it shows here first."""
    required = {k.__name__: [f.name for f in inspect.type_info(k).fields if f.required] for k in KINDS}  # type: ignore[attr-defined]
    assert required["Intent"] == [
        "client_id",
        "bot",
        "slot",
        "market",
        "side",
        "qty",
        "price",
        "valid_until_ns",
    ]
    assert required["Filled"] == ["account", "fill"]
    assert required["OrderMoved"] == ["client_id", "move", "cum_qty"]
    assert required["BotStated"] == ["bot", "state"]
