"""Append for ever, saying on stdout each number that was acknowledged. The parent kills us.

python journal_child.py HOME WRITERS SNAPSHOT_EVERY
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from kedge.journal.archive import Bounds
from kedge.journal.sqlite import SqliteJournal
from kedge.model.records import Entry, Noted


def entry(seq: int) -> Entry:
    return Entry(seq, seq, Noted("info", f"note {seq} " + "x" * (seq % 97)))


async def main(home: Path, writers: int, snapshot_every: int) -> None:
    journal = SqliteJournal.open(home, "main", "0.1", lambda: 0)
    journal.bounds = Bounds(least_entries=1, archive_bytes=20_000)
    seq = journal.past().last_seq

    async def write() -> None:
        nonlocal seq
        while True:
            first, seq = seq + 1, seq + 1 + seq % 3
            last = seq
            await journal.append([entry(n) for n in range(first, last + 1)])
            os.write(1, b"%d\n" % last)
            if snapshot_every and last % snapshot_every == 0:
                await journal.snapshot(
                    last, b"state at %d " % last + bytes(n * last % 251 for n in range(last % 1000))
                )

    await asyncio.gather(*[write() for _ in range(writers)])


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])))
