"""How an older desk's file becomes today's: steps, each from one number to the next.

Two numbers grow apart. The *schema* is how the file's tables look: `SCHEMA[n]` brings a file from n to
n + 1, once, at open, in one transaction. A *kind's version* is what a record means: stored bytes are never
rewritten; `upgrade` brings an older record up to `records.VERSIONS` each time it is read.

Which version a stored record has is told by the *vocabulary* its row points to: the kinds and versions of
the program that wrote it. So rows do not repeat it, and a file from a newer program is known at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, get_args

import msgspec
from msgspec import Raw, Struct

from kedge.journal.journal import TooNew
from kedge.model import records
from kedge.model.records import Entry, Record

Data = dict[str, Any]
Step = Callable[[Data], Data]

# (kind, version) -> the plain data of the next version. "type" names the kind, and a step may change it.
STEPS: dict[tuple[str, int], Step] = {}

SCHEMA: tuple[str, ...] = (
    """
    CREATE TABLE cell (
        one INTEGER PRIMARY KEY CHECK (one = 1),
        name TEXT NOT NULL,          -- the cell this file belongs to
        life INTEGER NOT NULL,       -- the newest life; an append of an older one changes no row
        anchor_seq INTEGER NOT NULL, -- the last entry before this file's first
        anchor_crc INTEGER NOT NULL  -- and the chain's value there
    ) STRICT;
    CREATE TABLE vocabulary (
        id INTEGER PRIMARY KEY,
        version TEXT NOT NULL,       -- the program that wrote
        kinds TEXT NOT NULL          -- JSON: kind -> version
    ) STRICT;
    CREATE TABLE flush (
        first_seq INTEGER PRIMARY KEY,
        last_seq INTEGER NOT NULL,
        ts_ns INTEGER NOT NULL,      -- of the last entry
        vocabulary INTEGER NOT NULL,
        crc INTEGER NOT NULL,        -- chained over the row before and all of this row
        body BLOB NOT NULL           -- JSON: [[seq, ts_ns, record], ...]
    ) STRICT;
    CREATE TABLE snapshot (
        seq INTEGER PRIMARY KEY,
        ts_ns INTEGER NOT NULL,
        version TEXT NOT NULL,
        parts INTEGER NOT NULL,
        crc INTEGER NOT NULL         -- of the state's bytes, unpacked
    ) STRICT;
    CREATE TABLE snapshot_part (
        seq INTEGER NOT NULL,
        part INTEGER NOT NULL,
        body BLOB NOT NULL,          -- a piece of the packed (zlib) state
        PRIMARY KEY (seq, part)
    ) STRICT;
    """,
)


def kinds() -> dict[str, int]:
    """Today's vocabulary."""
    names = [kind.__name__ for kind in get_args(Record)]
    return {name: records.VERSIONS.get(name, 1) for name in names}


def check_known(written: Mapping[str, int], version: str) -> None:
    """Raises `TooNew` when a newer program may have written what this one would misread."""
    ours = kinds()
    for kind, number in written.items():
        if (kind not in ours and (kind, number) not in STEPS) or number > ours.get(kind, number):
            raise TooNew(
                f"the journal was written by Kedge {version}, which knows {kind} version {number}; "
                "this program is older: install that version or a newer one"
            )


def upgrade(kind: str, version: int, data: Data) -> Data:
    """Bring the plain data of one record, as it was written, up to today's version of its kind."""
    while (step := STEPS.get((kind, version))) is not None:
        data = step(data)
        if data["type"] != kind:
            kind, version = data["type"], 1
        else:
            version += 1
    return data


class _Kind(Struct):
    type: str


_entries = msgspec.json.Decoder(list[Entry])
_raw_entries = msgspec.json.Decoder(list[tuple[int, int, Raw]])
_kind = msgspec.json.Decoder(_Kind)


def is_current(written: Mapping[str, int]) -> bool:
    """Whether rows of this vocabulary decode without any upgrade."""
    ours = kinds()
    return all(ours.get(kind) == number for kind, number in written.items())


def decode_current(body: bytes) -> list[Entry]:
    """Raises `msgspec.DecodeError` on bytes that are not entries of this version."""
    return _entries.decode(body)


def decode_older(body: bytes, written: Mapping[str, int]) -> list[Entry]:
    """As `decode_current`, upgrading the records whose kind has moved on since."""
    return [
        Entry(seq, ts_ns, records.decode(_upgraded(raw, written)))
        for seq, ts_ns, raw in _raw_entries.decode(body)
    ]


def _upgraded(raw: Raw, written: Mapping[str, int]) -> bytes | memoryview:
    kind = _kind.decode(raw).type
    version = written.get(kind, 1)
    if (kind, version) not in STEPS:
        return memoryview(raw)
    # Copied fields keep their bytes' meaning: only this record goes through plain data and back.
    return msgspec.json.encode(upgrade(kind, version, msgspec.json.decode(raw)))
