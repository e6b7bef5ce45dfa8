"""The flight recorder: what the engine heard, for finding out afterwards why it did what it did.

The journal holds what was decided; the recorder holds everything the engine was given, books and all. It
is a ring of segments on disk, outside the journal, never synced, and never in anyone's way: when the disk
is slow, events are dropped and counted. Each segment begins with a keyframe, the engine's whole state, so
that any segment alone can be played through `step` again.

    <cell>.flight/000017.kfr    segments in order; the oldest is removed when there are too many

A segment is a line of text and then items: kind, time, length, crc32, body.
"""

from __future__ import annotations

import struct
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import BinaryIO

import msgspec
from msgspec import Struct

from kedge.model.events import Event

MAGIC = b"kedge flight recorder 1\n"
SEGMENTS = 16
SEGMENT_BYTES = 16 << 20
# Given to the disk when so much has gathered, or after a second.
PIECE_BYTES = 128 << 10
PIECE_NS = 1_000_000_000
# What may wait for the disk before events are dropped.
WAITING_BYTES_MAX = 16 << 20

_header = struct.Struct("<cqII")
_keyframe_seq = struct.Struct("<Q")
_EVENT, _KEYFRAME, _LOST = b"e", b"k", b"l"


class Keyframe(Struct, frozen=True):
    """The engine's state, as the fold of the journal up to `seq`."""

    now_ns: int
    seq: int
    state: bytes


class Heard(Struct, frozen=True):
    """One event as it was given to `step`."""

    now_ns: int
    event: Event


class Lost(Struct, frozen=True):
    """Here something is missing: play on from the next keyframe."""

    now_ns: int
    why: str


Item = Keyframe | Heard | Lost
# The engine's state, encoded, and the sequence number of the last record in it.
TakeKeyframe = Callable[[], tuple[int, bytes]]


class FlightRecorder:
    """Used from the loop's thread; a thread of its own writes."""

    def __init__(
        self,
        folder: Path,
        keyframe: TakeKeyframe,
        segments: int = SEGMENTS,
        segment_bytes: int = SEGMENT_BYTES,
        waiting_bytes_max: int = WAITING_BYTES_MAX,
    ) -> None:
        assert segments >= 2
        self.recorded = 0
        self.dropped = 0
        self._keyframe = keyframe
        self._encode = msgspec.json.Encoder().encode
        self._buffer = bytearray()
        self._in_buffer = 0
        self._due_ns = 0
        self._segment_bytes = segment_bytes
        # What is left of the segment; none is begun before the first event.
        self._room = 0
        self._waiting_max = waiting_bytes_max
        self._bytes_in = 0
        self._disk = _Disk(folder, segments)

    def write_event(self, now_ns: int, event: Event) -> None:
        """Record one event. Never blocks and never raises for what a disk can do."""
        if self._room <= 0:
            self._begin_segment(now_ns)
        body = self._encode(event)
        self._buffer += _header.pack(_EVENT, now_ns, len(body), zlib.crc32(body))
        self._buffer += body
        self._in_buffer += 1
        if len(self._buffer) >= PIECE_BYTES or now_ns >= self._due_ns:
            self.flush(now_ns)

    def flush(self, now_ns: int) -> None:
        """Give what has gathered to the disk's thread; drop it where too much waits there already."""
        self._due_ns = now_ns + PIECE_NS
        if not self._buffer:
            return
        piece, self._buffer = self._buffer, bytearray()
        count, self._in_buffer = self._in_buffer, 0
        self._room -= len(piece)
        if self._bytes_in - self._disk.bytes_out + len(piece) > self._waiting_max:
            self.dropped += count
            self._room = 0  # the next event begins anew, with a keyframe: a gap cannot be played
            return
        self.recorded += count
        self._put(piece, count)

    def close(self, now_ns: int) -> None:
        self.flush(now_ns)
        self._disk.stop()

    @property
    def lost(self) -> int:
        """Events that are not on disk and never will be: dropped here, or refused by the disk."""
        return self.dropped + self._disk.refused

    def _begin_segment(self, now_ns: int) -> None:
        self.flush(now_ns)
        if self._bytes_in - self._disk.bytes_out > self._waiting_max // 2:
            # Still behind: a keyframe would only make it worse. Try again a piece later.
            self._room = PIECE_BYTES
            self._buffer += _item(_LOST, now_ns, b"the disk was too slow")
            return
        self._room = self._segment_bytes
        seq, state = self._keyframe()
        self._bytes_in += len(state)
        self._disk.queue.put(_Begin(now_ns, seq, state))

    def _put(self, piece: bytearray, count: int) -> None:
        self._bytes_in += len(piece)
        self._disk.queue.put(_Piece(piece, count))


class _Begin(Struct):
    now_ns: int
    seq: int
    state: bytes


class _Piece(Struct):
    body: bytearray
    events: int


class _Disk:
    """The writing thread: segments in, oldest out; a refusal is counted and the next segment tried."""

    def __init__(self, folder: Path, segments: int) -> None:
        self.queue: SimpleQueue[_Begin | _Piece | None] = SimpleQueue()
        self.bytes_out = 0
        self.refused = 0
        self._folder = folder
        self._segments = segments
        self._file: BinaryIO | None = None
        self._thread = threading.Thread(target=self._run, name="flight-recorder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self.queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (item := self.queue.get()) is not None:
            try:
                if isinstance(item, _Begin):
                    self._begin(item)
                elif self._file is not None:
                    self._file.write(item.body)
                else:
                    self.refused += item.events
            except OSError:
                self._give_up()
                self.refused += item.events if isinstance(item, _Piece) else 0
            self.bytes_out += len(item.state if isinstance(item, _Begin) else item.body)
        self._give_up()

    def _begin(self, begin: _Begin) -> None:
        self._give_up()
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = segments_in(self._folder)
        for old in found[: max(0, len(found) - self._segments + 1)]:
            old.unlink(missing_ok=True)
        number = int(found[-1].stem) + 1 if found else 1
        self._file = open(self._folder / f"{number:06}.kfr", "xb", buffering=0)  # noqa: SIM115
        body = _keyframe_seq.pack(begin.seq) + zlib.compress(begin.state, 1)
        self._file.write(MAGIC + _item(_KEYFRAME, begin.now_ns, body))

    def _give_up(self) -> None:
        if self._file is not None:
            file, self._file = self._file, None
            file.close()


# ── reading ─────────────────────────────────────────────────────────────────────────────────────


def segments_in(folder: Path) -> list[Path]:
    """Oldest first."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if path.suffix == ".kfr" and path.stem.isdigit()]
    return sorted(found, key=lambda path: int(path.stem))


def read(folder: Path) -> Iterator[Item]:
    """Everything recorded, oldest first. What a crash tore off a segment's end is a `Lost`, not an error."""
    for path in segments_in(folder):
        try:
            content = path.read_bytes()
        except FileNotFoundError:
            continue  # removed by a running recorder
        yield from _items(content, path.name)


def _items(content: bytes, name: str) -> Iterator[Item]:
    if not content.startswith(MAGIC):
        yield Lost(0, f"{name} is not a segment this version can read")
        return
    at, now_ns = len(MAGIC), 0
    while at < len(content):
        start = at + _header.size
        if start > len(content):
            yield Lost(now_ns, f"{name} ends in the middle of an item")
            return
        kind, now_ns, length, crc = _header.unpack_from(content, at)
        at = start + length
        body = content[start:at]
        if len(body) < length or zlib.crc32(body) != crc:
            yield Lost(now_ns, f"{name} is torn or damaged at byte {start}")
            return
        yield _read_item(kind, now_ns, body)


_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def _read_item(kind: bytes, now_ns: int, body: bytes) -> Item:
    if kind == _KEYFRAME:
        (seq,) = _keyframe_seq.unpack_from(body)
        return Keyframe(now_ns, seq, zlib.decompress(body[_keyframe_seq.size :]))
    if kind == _EVENT:
        try:
            return Heard(now_ns, _decoder.decode(body))
        except msgspec.DecodeError as error:
            return Lost(now_ns, f"an event of another version: {error}")
    return Lost(now_ns, body.decode(errors="replace"))


def _item(kind: bytes, now_ns: int, body: bytes) -> bytes:
    return _header.pack(kind, now_ns, len(body), zlib.crc32(body)) + body
