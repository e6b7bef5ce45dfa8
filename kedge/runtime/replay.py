"""`kedge replay`: run the last hour of an incident through the engine again.

The flight recorder keeps what the engine heard, with the engine's own state at the beginning of each file.
Played again through `step`, the same events must give the same records; where today's code decides
differently, the first difference is shown. Nothing is written and no venue is spoken to.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from kedge import __version__, home, settings
from kedge.engine import keyframe
from kedge.engine.engine import Engine, RiskBook
from kedge.engine.step import step
from kedge.journal import recorder
from kedge.journal.journal import JournalError
from kedge.journal.sqlite import ReadOnlyJournal
from kedge.kinds import Kinds
from kedge.model import records as r
from kedge.model.events import Event, LinkUp


class Played(Struct):
    """What a replay came to."""

    events: int = 0
    records: int = 0
    files: int = 0
    lost: int = 0
    difference: str = ""


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="kedge replay", description=__doc__.splitlines()[0])
    parser.add_argument("--home", default="", help="the desk's home folder")
    parser.add_argument("--folder", default="", help="a copy of a recorder's folder")
    parser.add_argument("--print", action="store_true", dest="show", help="print each record it comes to")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    where = home.find(given.home or None)
    chosen = settings.load(where.settings)
    folder = Path(given.folder) if given.folder else where.recorder(chosen.desk.cell)
    kinds = Kinds(where.bots_folder)
    written = dict(_written(where.root, chosen.desk.cell))
    said: list[str] = []
    played = play(folder, kinds, chosen, written, said if given.show else None)
    if given.json:
        print(msgspec.json.encode(played).decode())
    else:
        _tell(played, said, folder)
    return 1 if played.difference else 0


def play(
    folder: Path,
    kinds: Kinds,
    chosen: settings.Settings,
    written: dict[int, r.Record],
    said: list[str] | None = None,
) -> Played:
    """Play a recorder's folder against the journal's records, by sequence number."""
    played = Played()
    engine: Engine | None = None
    seq = 0
    for item in recorder.read(folder):
        if isinstance(item, recorder.Keyframe):
            engine, seq = _wake(item, kinds, chosen), item.seq
            played.files += 1
        elif isinstance(item, recorder.Lost):
            played.lost += 1
            engine = None  # what follows a gap cannot be played; the next keyframe begins anew
        elif engine is not None:
            played.events += 1
            for record in _step(engine, item.event, item.now_ns):
                seq += 1
                played.records += 1
                if said is not None:
                    said.append(f"{seq} {record}")
                played.difference = played.difference or _compare(seq, record, written)
    return played


def _wake(frame: recorder.Keyframe, kinds: Kinds, chosen: settings.Settings) -> Engine:
    desk = keyframe.bots_in(frame.state)
    kinds.load_all(desk)
    limits = RiskBook(
        desk=chosen.limits.desk(),
        accounts={name: account.limits for name, account in chosen.accounts.items()},
        bot=chosen.limits.bot,
    )
    return keyframe.restore(frame.state, kinds, limits, __version__)


def _step(engine: Engine, event: Event, now_ns: int) -> list[r.Record]:
    if isinstance(event, LinkUp) and event.account not in engine.links:
        return []
    return step(engine, event, now_ns).records


def _compare(seq: int, record: r.Record, written: dict[int, r.Record]) -> str:
    before = written.get(seq)
    if before is None or r.encode(before) == r.encode(record):
        return ""
    return f"record {seq} was {_short(before)}; replayed it is {_short(record)}"


def _short(record: r.Record) -> str:
    return r.encode(record).decode()[:300]


def _written(root: Path, cell: str) -> Iterator[tuple[int, r.Record]]:
    try:
        with ReadOnlyJournal.open(root, cell) as journal:
            for entry in journal.tail(0):
                yield entry.seq, entry.record
    except JournalError:
        return


def _tell(played: Played, said: list[str], folder: Path) -> None:
    for line in said:
        print(line)
    print(f"{folder}: {played.events} events in {played.files} files came to {played.records} records")
    if played.lost:
        print(f"{played.lost} gaps: the disk was too slow there, and what followed could not be played")
    print(f"difference: {played.difference}" if played.difference else "every record is the same as then")
