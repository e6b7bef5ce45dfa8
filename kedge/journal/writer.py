"""The one thread that touches the journal file, so that a slow disk never holds up the loop.

Where the disk is quick (`QUICK_NS` a flush, lately and but for one) and nothing waits, the loop makes the
flush itself: handing a hundred microseconds of work to a thread and back costs as much again. Two slow ones
near each other, and the thread has the work until enough were quick.

Appends that wait while the disk is busy go together in the next flush (group commit): the more that
happens at once, the more each sync carries. Everything else that needs the file (a read, a piece of a
snapshot, a step of a backup) is a small job in the same queue, so an append waits for one job at most.

A flush is one call into SQLite. How long it then waits to get Python's own lock back from a busy loop is
the process's `sys.setswitchinterval`: at the default 5 ms a commit takes 8 ms while the loop computes, at
0.1 ms it takes 0.3 ms (`docs/why/journal.md`); the runtime sets it.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

import apsw
from msgspec import Struct

from kedge.journal.journal import JournalError
from kedge.journal.store import PAGE, Store, in_words

T = TypeVar("T")

FLUSH_ENTRIES = 4096
FLUSH_BYTES = 1 << 20
# Frames in the WAL: copied back into the file when nothing happens for a while, or at last anyway.
CHECKPOINT_IDLE_FRAMES = 256
CHECKPOINT_FRAMES = 1600
# A flush slower than this is not for the loop. One is forgiven, or a disk that is slow once in fifty times
# would be treated as slow most of the time; a second one within so many sends the next ones to the thread.
QUICK_NS = 2_000_000
FORGIVEN = 16
SLOW_MOST = 64
# What a job that writes is reckoned at: one part of a snapshot.
JOB_FRAMES = 64
IDLE_S = 0.02


class Append(Struct):
    """The entries of one `append`, already encoded, and who waits for them."""

    first: int
    last: int
    ts_ns: int
    body: bytes  # a JSON array
    future: asyncio.Future[None]
    loop: asyncio.AbstractEventLoop


class Job(Struct):
    """Something else to be done with the file by its thread."""

    work: Callable[[Store], Any]
    future: Future[Any]
    writes: bool


class Writer:
    def __init__(self, store: Store, name: str, now_ns: Callable[[], int]) -> None:
        self._store = store
        self._now_ns = now_ns
        # Held by whoever works with the store. The thread nearly always gets it at once.
        self._using = threading.Lock()
        self._slow = 0  # grows with slow flushes, shrinks with quick ones
        self._path: Path = store.path
        self._queue: SimpleQueue[Append | Job | None] = SimpleQueue()
        self._held: Job | None = None
        self._frames = 0
        self._roused = False  # by the loop, which makes flushes that the thread does not see
        # Two counters, each written by one thread alone; the difference is what waits.
        self._bytes_in = 0
        self._bytes_out = 0
        self._clean = True
        self._ended = False
        self.broken: JournalError | None = None
        self.closed: Future[None] = Future()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def waiting_bytes(self) -> int:
        return self._bytes_in - self._bytes_out

    def append(self, item: Append) -> None:
        self._bytes_in += len(item.body)
        self._queue.put(item)
        if self._ended:
            self._refuse_rest()

    def flush_here(self, batch: list[Append]) -> bool:
        """Make the flush in the caller's thread; False where the writer's own thread must have it."""
        if self._slow > FORGIVEN or self.waiting_bytes or self._ended:
            return False
        if not self._using.acquire(blocking=False):
            return False
        try:
            self._bytes_in += sum(len(item.body) for item in batch)
            error = self._write(batch)
        finally:
            self._using.release()
        _resolve(batch, error)
        self._rouse()
        return True

    def _rouse(self) -> None:
        """Wake the thread to see to the WAL; once, since a waking costs a fifth of a flush."""
        if self._frames >= (CHECKPOINT_FRAMES if self._roused else CHECKPOINT_IDLE_FRAMES):
            self._roused = True
            self._queue.put(Job(_nothing, Future(), False))

    def call(self, work: Callable[[Store], T], writes: bool = False) -> Future[T]:
        """Have `work` done between two flushes. A job that writes breaks the journal when it fails."""
        future: Future[T] = Future()
        if self._thread is threading.current_thread():
            future.set_result(work(self._store))
        else:
            self._queue.put(Job(work, future, writes))
            if self._ended:
                self._refuse_rest()
        return future

    def stop(self, clean: bool = True) -> None:
        """Finish what is queued and close the file; `closed` tells when. Unclean: drop what is queued."""
        if not clean:
            self._clean = False
            self.broken = self.broken or JournalError(f"{self._path} was abandoned")
        self._queue.put(None)

    def join(self) -> None:
        self._thread.join()

    # ── in the thread ───────────────────────────────────────────────────────────────────────

    def _run(self) -> None:
        try:
            while (item := self._next()) is not None:
                if isinstance(item, Append):
                    self._flush(self._gather(item))
                else:
                    with self._using:
                        self._do(item)
        finally:
            # Whatever ends this thread, nobody is left waiting.
            self._end()

    def _next(self) -> Append | Job | None:
        if self._held is not None:
            item, self._held = self._held, None
            return item
        while CHECKPOINT_IDLE_FRAMES <= self._frames < CHECKPOINT_FRAMES:
            before = self._frames
            with contextlib.suppress(Empty):
                return self._queue.get(timeout=IDLE_S)
            if self._frames == before:
                break  # the loop made no flush either
        if self._frames >= CHECKPOINT_IDLE_FRAMES:
            self._checkpoint()
        self._roused = False
        return self._queue.get()

    def _gather(self, first: Append) -> list[Append]:
        """What has queued up behind `first`, as far as one flush may hold it."""
        batch, size = [first], len(first.body)
        for _ in range(min(self._queue.qsize(), FLUSH_ENTRIES)):
            item = self._queue.get_nowait()
            if item is None:
                self._queue.put(None)  # stop comes after everything: nothing follows it
                break
            if isinstance(item, Job):
                self._held = item
                break
            batch.append(item)
            size += len(item.body)
            if size >= FLUSH_BYTES:
                break
        return batch

    def _flush(self, batch: list[Append]) -> None:
        error: JournalError | None = JournalError(f"{self._path}: the writer died")
        try:
            with self._using:
                error = self._write(batch)
        finally:
            _tell(batch, error)  # whatever happened, those who wait are told

    def _write(self, batch: list[Append]) -> JournalError | None:
        body = batch[0].body if len(batch) == 1 else _joined(batch)
        error: JournalError | None = self.broken or JournalError(f"{self._path}: the writer died")
        began_ns = self._now_ns()
        try:
            if self.broken is None:
                self._store.append(batch[0].first, batch[-1].last, batch[-1].ts_ns, body)
                error = None
        except (apsw.Error, OSError) as cause:
            error = in_words(cause, self._path)
        except JournalError as said:
            error = said
        finally:
            self.broken = self.broken or error
            self._frames += 2 + len(body) // (PAGE - 4)
            self._bytes_out += sum(len(item.body) for item in batch)
        quick = self._now_ns() - began_ns < QUICK_NS
        self._slow = max(0, self._slow - 1) if quick else min(SLOW_MOST, self._slow + FORGIVEN)
        return error

    def _do(self, job: Job) -> None:
        if not job.future.set_running_or_notify_cancel():
            return
        error: JournalError | None = JournalError(f"{self._path}: the writer died")
        try:
            if job.writes and self.broken is not None:
                error = self.broken
            else:
                job.future.set_result(job.work(self._store))
                error = None
        except (apsw.Error, OSError) as cause:
            error = in_words(cause, self._path)
        except JournalError as said:
            error = said
        finally:
            if error is not None:
                self._fail(job, error)
        if job.writes:
            self._frames += JOB_FRAMES

    def _fail(self, job: Job, error: JournalError) -> None:
        if job.writes and self.broken is None:
            self.broken = error
        job.future.set_exception(error)

    def _checkpoint(self) -> None:
        with self._using:
            self._frames = 0
            if self.broken is None:
                try:
                    self._store.checkpoint()
                except apsw.Error as cause:
                    self.broken = in_words(cause, self._path)

    def _end(self) -> None:
        # After a failure the file is left as a crash would leave it: nothing more is written.
        clean = self._clean and self.broken is None
        with self._using:
            self.broken = self.broken or JournalError(f"{self._path} is closed")
            try:
                self._store.close(clean)
            except (apsw.Error, OSError) as cause:
                self.broken = in_words(cause, self._path)
        self._ended = True
        self._refuse_rest()
        self.closed.set_result(None)

    def _refuse_rest(self) -> None:
        """Nothing takes from the queue any more: tell all who are in it."""
        error = self.broken or JournalError(f"{self._path} is closed")
        held, self._held = self._held, None
        if held is not None:
            held.future.set_exception(error)
        with contextlib.suppress(Empty):
            while True:
                item = self._queue.get_nowait()
                if isinstance(item, Append):
                    _tell([item], error)
                elif item is not None:
                    item.future.set_exception(error)


def _nothing(store: Store) -> None:
    pass


def _joined(batch: list[Append]) -> bytes:
    return b"[%b]" % b",".join([item.body[1:-1] for item in batch])


def _tell(batch: list[Append], error: JournalError | None) -> None:
    """Wake each loop once. A loop that is closed has nobody left to hear."""
    start = 0
    while start < len(batch):
        loop, stop = batch[start].loop, start + 1
        while stop < len(batch) and batch[stop].loop is loop:
            stop += 1
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(_resolve, batch[start:stop], error)
        start = stop


def _resolve(batch: list[Append], error: JournalError | None) -> None:
    for item in batch:
        if not item.future.done():
            if error is None:
                item.future.set_result(None)
            else:
                item.future.set_exception(type(error)(*error.args))
