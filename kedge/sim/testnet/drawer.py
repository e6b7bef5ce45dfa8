"""Rows that a venue keeps beside its exchange: one struct per key, durable with the calls of the same moment.

    extras = keeper.drawer("orders", Extra, most=50_000)
    extras.put(venue_id, Extra(trigger="mark", tif="PostOnly"))     on disk when the next `settle` returns
    extras.get(venue_id)

A row is written only when it was put: a drawer of fifty thousand rows costs what has changed of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

import msgspec
from msgspec import Struct

from kedge.sim.testnet.store import RowChange, StoreError

T = TypeVar("T", bound=Struct)


class Drawer(Generic[T]):
    """Made by `Keeper.drawer`. Rows are in the order they were first put in.

    Beyond `most` the oldest row is forgotten: let it be above everything that is still alive. The rows of a
    soft drawer are written along with what must be written anyway, and cause no write themselves.
    """

    def __init__(self, name: str, kind: type[T], saved: dict[str, bytes], most: int, soft: bool) -> None:
        assert most > 0
        self.name = name
        self.soft = soft
        self._most = most
        try:
            decoder = msgspec.msgpack.Decoder(kind)
            self._rows: dict[str, T] = {key: decoder.decode(body) for key, body in saved.items()}
        except msgspec.DecodeError as error:
            raise StoreError(f"the state file's {name} are not of this version: {error}") from None
        self._gone: dict[str, None] = {}
        self._new: dict[str, None] = {}

    def put(self, key: str, row: T) -> None:
        """Keep it, instead of what has this key."""
        self._rows[key] = row
        self._new[key] = None
        if len(self._rows) > self._most:
            self.drop(next(iter(self._rows)))

    def drop(self, key: str) -> T | None:
        row = self._rows.pop(key, None)
        if row is not None:
            self._new.pop(key, None)
            self._gone[key] = None
        return row

    def get(self, key: str) -> T | None:
        return self._rows.get(key)

    def __getitem__(self, key: str) -> T:
        return self._rows[key]

    def __contains__(self, key: str) -> bool:
        return key in self._rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def items(self) -> Iterator[tuple[str, T]]:
        return iter(self._rows.items())

    def values(self) -> Iterator[T]:
        return iter(self._rows.values())

    @property
    def changed(self) -> bool:
        return bool(self._new or self._gone)

    def changes(self) -> list[RowChange]:
        """What is to be written; it is the caller's from now on."""
        found = [RowChange(self.name, key, None) for key in self._gone]
        encode = msgspec.msgpack.encode
        found += [RowChange(self.name, key, encode(self._rows[key])) for key in self._new]
        self._gone.clear()
        self._new.clear()
        return found
