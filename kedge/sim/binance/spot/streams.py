"""Market data over WebSockets: who listens to what, and saying it to all of them at once.

A raw connection gets payloads as they are, a combined one gets them with the stream's name. A name that
does not exist is taken and never heard of again, as on the venue.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

from kedge.sim.binance.common import encode, split_pairs
from kedge.sim.binance.sockets import GOING_AWAY, POLICY, SPOT_STREAMS, Post
from kedge.sim.binance.spot.shapes import MS_UNIT, US_UNIT, Body, Shapes
from kedge.sim.binance.spot.topics import Sources, Topic, topic_of
from kedge.sim.testnet.web import Line, Request

STREAMS_MAX = 1_024
METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")
SHUTDOWN = "!serverShutdown"

_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_any = msgspec.json.Decoder()


class _Shelf(Struct):
    """One topic and its readers, in the order they came."""

    topic: Topic | None
    readers: dict[int, Reader]


class Streams:
    def __init__(self, sources: Sources) -> None:
        self.readers: dict[int, Reader] = {}
        self._sources = sources
        self._shelves: dict[tuple[str, int], _Shelf] = {}
        self._made = 0

    def open(self, request: Request, line: Line) -> Reader:
        """A connection to /ws, /ws/<streams> or /stream?streams=<streams>."""
        self._made += 1
        pairs = dict(split_pairs(request.query))
        unit = US_UNIT if pairs.get("timeUnit", "").upper() == "MICROSECOND" else MS_UNIT
        combined = request.path.startswith("/stream")
        names = pairs.get("streams", "") if combined else request.path.removeprefix("/ws").lstrip("/")
        reader = Reader(self, self._made, line, Shapes(unit), combined)
        self.readers[reader.number] = reader
        reader.subscribe([name for name in names.split("/") if name])
        return reader

    @property
    def sources(self) -> Sources:
        return self._sources

    def add(self, name: str, reader: Reader) -> None:
        key = (name, reader.shapes.unit)
        shelf = self._shelves.get(key)
        if shelf is None:
            shelf = self._shelves[key] = _Shelf(topic_of(name, self._sources, reader.shapes), {})
        shelf.readers[reader.number] = reader

    def remove(self, name: str, reader: Reader) -> None:
        key = (name, reader.shapes.unit)
        shelf = self._shelves.get(key)
        if shelf is None:
            return
        shelf.readers.pop(reader.number, None)
        if not shelf.readers:
            del self._shelves[key]
            if shelf.topic is not None:
                shelf.topic.drop()

    def tell(self) -> None:
        """The house has settled: what is said at once."""
        now_ns = self._sources.house.now_ns()
        for (name, _), shelf in tuple(self._shelves.items()):
            if shelf.topic is not None:
                _say(name, shelf.topic.live(now_ns), shelf)

    def tick(self) -> None:
        """Time has passed: what is said at a pace; pings."""
        now_ns = self._sources.house.now_ns()
        for (name, _), shelf in tuple(self._shelves.items()):
            if shelf.topic is not None:
                _say(name, shelf.topic.paced(now_ns), shelf)
        for reader in tuple(self.readers.values()):
            reader.pace(now_ns)

    def shut_down(self, after_ns: int) -> None:
        """Announce the end to everybody; the sockets close when the time has come."""
        for reader in tuple(self.readers.values()):
            body = {"e": "serverShutdown", "E": reader.shapes.at(self._sources.house.now_ns())}
            reader.say(encode({"stream": SHUTDOWN, "data": body} if reader.combined else body))
            reader.end_after(after_ns)

    def close(self) -> None:
        self.shut_down(0)
        for reader in tuple(self.readers.values()):
            reader.end(GOING_AWAY, "Going away")


class Reader(Post):
    """One connection to market streams."""

    def __init__(self, streams: Streams, number: int, line: Line, shapes: Shapes, combined: bool) -> None:
        super().__init__(line, SPOT_STREAMS, streams.sources.house.now_ns)
        self.number = number
        self.shapes = shapes
        self.combined = combined
        self._streams = streams
        self._names: dict[str, None] = {}

    def subscribe(self, names: list[str]) -> None:
        for name in names:
            if name not in self._names:
                self._names[name] = None
                self._streams.add(name, self)
        if len(self._names) > STREAMS_MAX:
            self.end(POLICY, f"Too many streams: at most {STREAMS_MAX}")

    def unsubscribe(self, names: list[str]) -> None:
        for name in names:
            if name in self._names:
                del self._names[name]
                self._streams.remove(name, self)

    def left(self) -> None:
        self._streams.readers.pop(self.number, None)
        self.unsubscribe(list(self._names))

    # ── requests ────────────────────────────────────────────────────────────────────────────────

    def hear(self, text: bytes) -> None:
        try:
            members = _raw_object.decode(text)
            request = {name: _any.decode(raw) for name, raw in members.items()}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self._refuse(3, "Invalid JSON: expected value at line 1 column 1")
            return
        self.say(encode(self._answer(request)))

    def _answer(self, request: dict[str, Any]) -> Body:
        method, params, id_ = request.get("method"), request.get("params"), request.get("id")
        if method is None:
            return _error(2, "Invalid request: missing field `method` at line 1 column 1")
        if method not in METHODS:
            known = ", ".join(f"`{one}`" for one in METHODS)
            text = f"Invalid request: unknown variant `{method}`, expected one of {known} at line 1 column 1"
            return _error(2, text)
        if isinstance(id_, bool) or not isinstance(id_, int | str | None) or len(str(id_)) > 36:
            return _error(2, "Invalid request: request ID must be an unsigned integer")
        if method in ("SUBSCRIBE", "UNSUBSCRIBE"):
            if not isinstance(params, list) or not all(isinstance(name, str) for name in params):
                return _error(2, "Invalid request: invalid type: expected a sequence of strings")
            (self.subscribe if method == "SUBSCRIBE" else self.unsubscribe)(params)
            return {"result": None, "id": id_}
        if method == "LIST_SUBSCRIPTIONS":
            return {"result": list(self._names), "id": id_}
        return self._property(method, params, id_)

    def _property(self, method: str, params: object, id_: object) -> Body:
        given = params if isinstance(params, list) else []
        if not given or not isinstance(given[0], str):
            return _error(2, "Invalid request: property name must be a string")
        if len(given) > (2 if method == "SET_PROPERTY" else 1):
            return _error(2, "Invalid request: too many parameters")
        if given[0] != "combined":
            return {**_error(0, "Unknown property"), "id": id_}
        if method == "GET_PROPERTY":
            return {"result": self.combined, "id": id_}
        if len(given) < 2 or not isinstance(given[1], bool):
            return _error(1, "Invalid value type: expected Boolean")
        self.combined = given[1]
        return {"result": None, "id": id_}

    def _refuse(self, code: int, text: str) -> None:
        self.say(encode(_error(code, text)))


def _error(code: int, text: str) -> Body:
    return {"code": code, "msg": text}


def _say(name: str, bodies: list[Body], shelf: _Shelf) -> None:
    for body in bodies:
        raw = encode(body)
        wrapped = b'{"stream":' + encode(name) + b',"data":' + raw + b"}"
        for reader in tuple(shelf.readers.values()):
            reader.say(wrapped if reader.combined else raw)
