"""The flight recorder's promise: an hour played again from any keyframe comes to the same records."""

from __future__ import annotations

from typing import Any

import pytest

from kedge.bots import BUILT_IN
from kedge.engine import keyframe
from kedge.engine.engine import Engine
from kedge.engine.state import digest
from kedge.engine.step import step
from kedge.model import records as r
from kedge.model.events import Event
from kedge.runtime.cell import Cell
from kedge.storm import engines
from kedge.storm.world import World

Heard = list[tuple[int, Event]]


class Recorded(Cell):
    """A cell that keeps what it heard, with a keyframe at the beginning of every fifth batch."""

    def __init__(self, *args: Any, **named: Any) -> None:
        super().__init__(*args, **named)
        self.heard: Heard = []
        self.frames: list[tuple[int, int, bytes]] = []
        self._batches = 0
        self._record = lambda now_ns, event: self.heard.append((now_ns, event))

    def _batch(self) -> None:
        if self._batches % 5 == 0:
            self.frames.append((len(self.heard), self.last_seq, keyframe.take(self.engine)))
        self._batches += 1
        super()._batch()


def test_every_keyframe_plays_on_to_the_same_records(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "Cell", Recorded)
    played = 0
    for seed in range(30):
        world = World(seed)
        world.run()
        cell = list(world.engines.cells.values())[-1]
        assert isinstance(cell, Recorded)
        written = {entry.seq: entry.record for entry in world.disk.entries()}
        for start, seq, body in cell.frames[::7]:
            engine = keyframe.restore(body, BUILT_IN, world.engines.limits, "storm")
            played += _play(engine, seq, cell.heard[start:], written, seed)
            if cell.durable_seq == cell.last_seq:
                assert digest(engine.desk) == digest(cell.engine.desk), seed
    assert played > 2000


def _play(engine: Engine, seq: int, heard: Heard, written: dict[int, r.Record], seed: int) -> int:
    count = 0
    for now_ns, event in heard:
        for record in step(engine, event, now_ns).records:
            seq += 1
            count += 1
            if seq in written:
                assert r.encode(record) == r.encode(written[seq]), (seed, seq)
    return count
