"""The flight recorder's promise: an hour played again from any keyframe comes to the same records."""

from __future__ import annotations

from kedge.bots import BUILT_IN
from kedge.engine import keyframe
from kedge.engine.engine import Engine
from kedge.engine.state import digest
from kedge.engine.step import step
from kedge.model import records as r
from kedge.runtime.cell import Cell
from kedge.storm.world import World


class Recorded(Cell):
    """A cell that keeps what it heard, and a keyframe every fifty events."""

    heard: list[tuple[int, object]]
    frames: list[tuple[int, int, bytes]]

    def __init__(self, *args: object, **named: object) -> None:
        super().__init__(*args, **named)  # type: ignore[arg-type]
        self.heard, self.frames = [], []
        self._record = self._keep

    def _keep(self, now_ns: int, event: object) -> None:
        if len(self.heard) % 50 == 0:
            self.frames.append((len(self.heard), self.last_seq, keyframe.take(self.engine)))
        self.heard.append((now_ns, event))


def test_every_keyframe_plays_on_to_the_same_records() -> None:
    played = 0
    for seed in range(40):
        world = World(seed, cell_class=Recorded)
        world.run()
        cell = world.cell
        assert isinstance(cell, Recorded)
        written = {entry.seq: entry.record for entry in world.disk.entries()}
        for start, seq, body in cell.frames:
            # The keyframe is taken before the batch's records are numbered: begin at a batch's edge.
            engine = keyframe.restore(body, BUILT_IN, world.limits, "storm")
            played += _play(engine, seq, cell.heard[start:], written, seed)
        if not cell.stopped and cell.frames:
            last = keyframe.restore(keyframe.take(cell.engine), BUILT_IN, world.limits, "storm")
            assert digest(last.desk) == digest(cell.engine.desk)
    assert played > 2000


def _play(
    engine: Engine, seq: int, heard: list[tuple[int, object]], written: dict[int, r.Record], seed: int
) -> int:
    count = 0
    for now_ns, event in heard:
        for record in step(engine, event, now_ns).records:  # type: ignore[arg-type]
            seq += 1
            count += 1
            if seq in written:
                assert r.encode(record) == r.encode(written[seq]), (seed, seq)
    return count
