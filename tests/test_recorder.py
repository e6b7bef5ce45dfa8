"""The flight recorder: a bounded ring that never stands in the way."""

from __future__ import annotations

import threading
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from kedge.journal import recorder
from kedge.journal.recorder import FlightRecorder, Heard, Keyframe, Lost, read, segments_in
from kedge.model.events import BookUpdate, Command, Event, FillNews, Tick
from kedge.model.venue import Fill, Level

SECOND = 10**9


def book(n: int) -> BookUpdate:
    levels = tuple(Level(Decimal(65000 - k), Decimal("0.5") + n) for k in range(5))
    return BookUpdate("paper/main:BTC-PERP", levels, levels, n)


EVENTS: list[Event] = [
    Tick(),
    book(1),
    Command("c-1", "me", "cli", "stop", Raw(b'{"bot": "a"}')),
    FillNews(
        "paper/main",
        Fill("x1", "c", "v", "BTC-PERP", "buy", Decimal("0.1"), Decimal("65000"), Decimal("0.01"), "USDT", 7),
    ),
]


class State:
    """Stands in for the engine: its keyframe tells how often it was taken."""

    def __init__(self) -> None:
        self.taken = 0

    def __call__(self) -> tuple[int, bytes]:
        self.taken += 1
        return self.taken * 100, b"state %d" % self.taken


def test_what_was_heard_is_read_back_after_a_keyframe(tmp_path: Path) -> None:
    recording = FlightRecorder(tmp_path / "f", State())
    for n, event in enumerate(EVENTS):
        recording.write_event(n, event)
    recording.close(99)
    assert list(read(tmp_path / "f")) == [
        Keyframe(0, 100, b"state 1"),
        *[Heard(n, event) for n, event in enumerate(EVENTS)],
    ]
    assert (recording.recorded, recording.lost) == (4, 0)


def test_the_ring_keeps_its_size_and_each_segment_starts_with_a_keyframe(tmp_path: Path) -> None:
    state = State()
    recording = FlightRecorder(tmp_path, state, segments=3, segment_bytes=2000)
    for n in range(200):
        recording.write_event(n * SECOND, book(n))
    recording.close(0)
    assert len(segments_in(tmp_path)) == 3
    assert state.taken > 5
    assert sum(path.stat().st_size for path in segments_in(tmp_path)) < 4 * 3000
    items = list(read(tmp_path))
    heard = [item for item in items if isinstance(item, Heard)]
    assert sum(isinstance(item, Keyframe) for item in items) == 3
    assert isinstance(items[0], Keyframe)
    first = heard[0].now_ns // SECOND
    assert heard == [Heard(n * SECOND, book(n)) for n in range(first, 200)]


def test_a_new_life_begins_a_new_segment(tmp_path: Path) -> None:
    for life in (1, 2):
        recording = FlightRecorder(tmp_path, State())
        recording.write_event(life, Tick())
        recording.close(life)
    assert [path.name for path in segments_in(tmp_path)] == ["000001.kfr", "000002.kfr"]
    assert [type(item) for item in read(tmp_path)] == [Keyframe, Heard, Keyframe, Heard]


def test_nothing_is_made_before_the_first_event(tmp_path: Path) -> None:
    FlightRecorder(tmp_path / "f", State()).close(0)
    assert not (tmp_path / "f").exists()
    assert list(read(tmp_path / "f")) == []


@pytest.mark.parametrize("cut", range(1, 140, 3))
def test_a_torn_tail_ends_one_segment_not_the_reading(tmp_path: Path, cut: int) -> None:
    for life in (1, 2):
        recording = FlightRecorder(tmp_path, State())
        for n in range(3):
            recording.write_event(n, EVENTS[2])
        recording.close(life)
    first = segments_in(tmp_path)[0]
    first.write_bytes(first.read_bytes()[:-cut])
    items = list(read(tmp_path))
    second = next(n for n, item in enumerate(items) if n > 0 and isinstance(item, Keyframe))
    assert items[second:] == [Keyframe(0, 100, b"state 1"), *[Heard(n, EVENTS[2]) for n in range(3)]]
    torn = items[1:second]
    whole = [item for item in torn if isinstance(item, Heard)]
    assert whole == [Heard(n, EVENTS[2]) for n in range(len(whole))]
    # A cut exactly between two items cannot be told from a recorder that was stopped there.
    assert len(torn) == len(whole) or isinstance(torn[-1], Lost)


def test_a_changed_byte_is_found(tmp_path: Path) -> None:
    recording = FlightRecorder(tmp_path, State())
    recording.write_event(0, EVENTS[2])
    recording.close(0)
    path = segments_in(tmp_path)[0]
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content)
    assert isinstance(list(read(tmp_path))[-1], Lost)


def test_other_files_and_other_versions_are_said_to_be_so(tmp_path: Path) -> None:
    (tmp_path / "000001.kfr").write_bytes(b"kedge flight recorder 9\n...")
    (tmp_path / "notes.txt").write_text("mine")
    assert [type(item) for item in read(tmp_path)] == [Lost]
    body = b'{"type":"Teleported"}'
    (tmp_path / "000002.kfr").write_bytes(recorder.MAGIC + recorder._item(b"e", 5, body))
    items = list(read(tmp_path))
    assert isinstance(items[1], Lost)
    assert "another version" in items[1].why


def test_a_slow_disk_costs_events_not_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gate = threading.Event()
    begin = recorder._Disk._begin

    def slowly(self: Any, item: Any) -> None:
        gate.wait()
        begin(self, item)

    monkeypatch.setattr(recorder._Disk, "_begin", slowly)
    recording = FlightRecorder(tmp_path, State(), waiting_bytes_max=20_000)
    for n in range(500):
        recording.write_event(n * SECOND, book(n))
    assert recording.dropped > 0
    gate.set()
    recording.flush(0)
    recording._disk.queue.put(None)
    recording._disk._thread.join()
    heard = [item for item in read(tmp_path) if isinstance(item, Heard)]
    assert len(heard) == recording.recorded
    assert recording.recorded + recording.lost == 500


def test_after_a_drop_recording_goes_on_with_a_keyframe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = State()
    recording = FlightRecorder(tmp_path, state)
    recording.write_event(0, book(0))
    recording.flush(0)
    recording._waiting_max = 10
    recording.write_event(1, book(1))
    recording.flush(1)
    assert recording.dropped == 1
    recording._waiting_max = recorder.WAITING_BYTES_MAX
    recording.write_event(2, book(2))
    recording.close(2)
    kinds = [type(item) for item in read(tmp_path)]
    assert kinds == [Keyframe, Heard, Keyframe, Heard]
    assert state.taken == 2


def test_a_disk_that_refuses_is_counted_and_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "f"
    folder.write_text("a file is in the way")
    recording = FlightRecorder(folder, State(), segment_bytes=1000)
    for n in range(10):
        recording.write_event(n * SECOND, book(n))
    recording.close(0)
    assert recording.lost == 10
