"""Streams over WebSockets: three roads (public, market, private), raw or combined, and what is told on them.

A connection hears only what belongs to its road, whatever it subscribes to; a name that does not exist is
taken and never heard of again. The private road goes by listenKey, of which a connection may have several,
each with the kinds of events that are wanted of it (none named: all).
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec
from msgspec import Struct

from kedge.sim.binance.common import encode, split_pairs
from kedge.sim.binance.sockets import GOING_AWAY, POLICY, Habits, Post
from kedge.sim.binance.usdm.bodies import Body
from kedge.sim.binance.usdm.events import Event, key_expired
from kedge.sim.binance.usdm.listeners import Listeners
from kedge.sim.binance.usdm.switches import Switches
from kedge.sim.binance.usdm.topics import Sources, Topic, topic_of
from kedge.sim.testnet.web import Line, Request

STREAMS_MAX = 1_024
KEY_LEAST = 40
MINUTE_NS = 60 * 10**9
STREAM_HABITS = Habits(3 * MINUTE_NS, 10 * MINUTE_NS, 10)
METHODS = ("SUBSCRIBE", "UNSUBSCRIBE", "LIST_SUBSCRIPTIONS", "SET_PROPERTY", "GET_PROPERTY")

Road = Literal["public", "market", "private", "all", "none"]

_raw_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_any = msgspec.json.Decoder()


class _Shelf(Struct):
    """One topic and its readers, in the order they came."""

    topic: Topic | None
    readers: dict[int, Reader]


class Streams:
    def __init__(self, sources: Sources, listeners: Listeners, switches: Switches) -> None:
        self.readers: dict[int, Reader] = {}
        self.sources = sources
        self._listeners = listeners
        self._switches = switches
        self._shelves: dict[str, _Shelf] = {}
        self._made = 0

    # ── connections ─────────────────────────────────────────────────────────────────────────────

    def open(self, request: Request, line: Line) -> Reader | None:
        """A connection to /<road>/ws/<streams> or /<road>/stream?streams=<streams>; None: no such path."""
        road, mode, rest = self._path(request.path)
        if mode not in ("ws", "stream"):
            return None
        self._made += 1
        reader = Reader(self, self._made, line, road, combined=mode == "stream")
        self.readers[reader.number] = reader
        pairs = split_pairs(request.query)
        names = [name for key, value in pairs if key == "streams" for name in value.split("/")]
        reader.subscribe([name for name in (*rest.split("/"), *names) if name])
        _listen(reader, pairs)
        return reader

    def _path(self, path: str) -> tuple[Road, str, str]:
        """(road, mode, what follows)"""
        parts = path.strip("/").split("/", 3)
        if parts and parts[0] == "fstream":
            parts = parts[1:]
        if parts and parts[0] in ("public", "market", "private"):
            road: Road = "public" if parts[0] == "public" else "market" if parts[0] == "market" else "private"
            parts = parts[1:]
        else:
            road = self._switches.unrouted
        mode = parts[0] if parts else ""
        return road, mode, path.partition(f"/{mode}/")[2]

    def add(self, name: str, reader: Reader) -> None:
        shelf = self._shelves.get(name)
        if shelf is None:
            shelf = self._shelves[name] = _Shelf(topic_of(name, self.sources), {})
        shelf.readers[reader.number] = reader

    def remove(self, name: str, reader: Reader) -> None:
        shelf = self._shelves.get(name)
        if shelf is None:
            return
        shelf.readers.pop(reader.number, None)
        if not shelf.readers:
            del self._shelves[name]
            if shelf.topic is not None:
                shelf.topic.drop()

    # ── telling ─────────────────────────────────────────────────────────────────────────────────

    def tell(self, events: list[tuple[str, Event]]) -> None:
        """The house has settled: private events, then what markets say at once."""
        now_ns = self.sources.house.now_ns()
        for account, event in events:
            for reader in tuple(self.readers.values()):
                for key in reader.keys_for(str(event["e"])):
                    if self._listeners.account_of(key, now_ns) == account:
                        reader.hand(key, encode(event))
        self._tell_topics(now_ns, live=True)

    def tick(self, now_ns: int) -> None:
        """Time has passed: keys run out, streams say what they say at a pace, sockets are pinged."""
        for key in self._listeners.expired(now_ns):
            event = encode(key_expired(key, now_ns))
            for reader in tuple(self.readers.values()):
                if reader.has_key(key):
                    reader.hand(key, event)
                    reader.lose_key(key)
        self._tell_topics(now_ns, live=False)
        for reader in tuple(self.readers.values()):
            reader.pace(now_ns)

    def stop_key(self, key: str) -> None:
        """The key was given back: its connections are closed."""
        for reader in tuple(self.readers.values()):
            if reader.has_key(key):
                reader.end(1000, "The listenKey was closed")

    def close(self) -> None:
        for reader in tuple(self.readers.values()):
            reader.end(GOING_AWAY, "Going away")

    def _tell_topics(self, now_ns: int, *, live: bool) -> None:
        for name, shelf in tuple(self._shelves.items()):
            if shelf.topic is None:
                continue
            bodies = shelf.topic.live(now_ns) if live else shelf.topic.paced(now_ns)
            for body in bodies:
                raw = encode(body)
                for reader in tuple(shelf.readers.values()):
                    if reader.road in (shelf.topic.road, "all"):
                        reader.hand(name, raw)


def _listen(reader: Reader, pairs: list[tuple[str, str]]) -> None:
    """`listenKey=a&events=X/Y&listenKey=b`: the events belong to the key before them."""
    key = ""
    for name, value in pairs:
        if name == "listenKey":
            key = value
            reader.subscribe([key])
        elif name == "events" and key:
            reader.want(key, [event for event in value.split("/") if event])


class Reader(Post):
    """One connection."""

    def __init__(self, streams: Streams, number: int, line: Line, road: Road, combined: bool) -> None:
        super().__init__(line, STREAM_HABITS, streams.sources.house.now_ns)
        self.number = number
        self.road = road
        self.combined = combined
        self._streams = streams
        self._names: dict[str, None] = {}
        # The events that are wanted of each key; none: all.
        self._keys: dict[str, dict[str, None]] = {}

    # ── what is listened to ─────────────────────────────────────────────────────────────────────

    def subscribe(self, names: list[str]) -> None:
        for name in names:
            if name in self._names:
                continue
            self._names[name] = None
            key, _, event = name.partition("@")
            if len(key) >= KEY_LEAST:
                self.want(key, [event] if event else [])
            else:
                self._streams.add(name, self)
        if len(self._names) > STREAMS_MAX:
            self.end(POLICY, f"Too many streams: at most {STREAMS_MAX}")

    def unsubscribe(self, names: list[str]) -> None:
        for name in names:
            if name not in self._names:
                continue
            del self._names[name]
            key, _, event = name.partition("@")
            if len(key) < KEY_LEAST:
                self._streams.remove(name, self)
            elif event:
                self._keys.get(key, {}).pop(event, None)
            else:
                self._keys.pop(key, None)

    def want(self, key: str, events: list[str]) -> None:
        self._keys.setdefault(key, {}).update(dict.fromkeys(events))

    def keys_for(self, event: str) -> list[str]:
        """The keys of this connection by which such an event is wanted."""
        if self.road not in ("private", "all"):
            return []
        return [key for key, wanted in self._keys.items() if not wanted or event in wanted]

    def has_key(self, key: str) -> bool:
        return self.road in ("private", "all") and key in self._keys

    def lose_key(self, key: str) -> None:
        self._keys.pop(key, None)

    def hand(self, name: str, raw: bytes) -> None:
        """Say a payload, with its stream's name where that is wanted."""
        self.say(b'{"stream":' + encode(name) + b',"data":' + raw + b"}" if self.combined else raw)

    def left(self) -> None:
        self._streams.readers.pop(self.number, None)
        self.unsubscribe(list(self._names))

    # ── requests ────────────────────────────────────────────────────────────────────────────────

    def hear(self, text: bytes) -> None:
        try:
            members = _raw_object.decode(text)
            request = {name: _any.decode(raw) for name, raw in members.items()}
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            self.say(encode(_error(3, "Invalid JSON: expected value at line 1 column 1")))
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
        if isinstance(id_, bool) or not isinstance(id_, int | str) or len(str(id_)) > 36:
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


def _error(code: int, text: str) -> Body:
    return {"code": code, "msg": text}
