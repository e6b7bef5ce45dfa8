"""What `kedge watch` makes of what it sees: is the engine getting on, what is wrong, who must be told.

    sight (one look)  +  memory (what lasted since when)   ->   verdict, memory

Pure: the looks are taken in `watching.py`. Three things are told apart, because they ask for different
deeds: an engine that is **away** (nobody answers: start it), one that is **stuck** (it is there and does not
get on: end it, starting is recovering), and one that gets on but has a trouble (call a person). The memory is
kept in a file where looks are taken by cron (`--once`), so that patience and repeats hold between them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from msgspec import Struct

from kedge.desk.notices import ENGINE, Level, Notice, Standing, Trouble, a_trouble
from kedge.desk.notices import watch as over_time
from kedge.desk.said import Said, say
from kedge.model.exits import Exit
from kedge.model.looks import AccountLook, Status
from kedge.settings import WatchSettings

SECOND_NS = 1_000_000_000
MEGABYTE = 1 << 20
ERRORS_WITHIN_NS = 300 * SECOND_NS
PREFIX = "watch"

# here: it answered. away: nobody is there. silent: somebody holds the door and does not answer.
# refused: it is there and will not speak to us, which is not a reason to start another.
Door = Literal["here", "away", "silent", "refused"]
Engine = Literal["fine", "away", "stuck"]


class Sight(Struct, frozen=True):
    """One look."""

    now_ns: int
    door: Door
    why: str = ""
    status: Status | None = None
    free_bytes: int = -1  # where the journal is; -1: not known
    desk: str = ""  # why the desk process does not answer; "" where it does, or is not looked at
    errors: int = 0  # error lines in the logs lately
    last_error: str = ""


class Progress(Struct, frozen=True):
    """By what one sees that an engine gets on, and since when that has not moved."""

    life: int = 0
    steps: int = 0
    durable_seq: int = 0
    since_ns: int = 0


class Memory(Struct, frozen=True):
    standing: dict[str, Standing] = {}
    progress: Progress = Progress()
    # Since when there was no answer; 0 while there is.
    lost_ns: int = 0


class Verdict(Struct, frozen=True):
    engine: Engine
    lasts_ns: int  # how long it has been away or stuck
    troubles: tuple[Trouble, ...]  # all that is wrong now and has outlasted its patience
    notices: tuple[Notice, ...]  # what is to be said now
    code: Exit


def judge(sight: Sight, memory: Memory, limits: WatchSettings) -> tuple[Memory, Verdict]:
    """What one more look means."""
    progress = _progress(sight, memory.progress)
    lost_ns = 0 if sight.door in ("here", "refused") else memory.lost_ns or sight.now_ns
    stuck_ns = _still_ns(sight, progress)
    found = list(_troubles(sight, limits, stuck_ns))
    standing, notices = over_time(memory.standing, found, sight.now_ns, PREFIX)
    lasting = tuple(one for one in found if sight.now_ns - standing[one.key].since_ns >= one.grace_ns)
    engine, lasts_ns = _engine(sight, lost_ns, stuck_ns, limits)
    verdict = Verdict(engine, lasts_ns, lasting, tuple(notices), _code(engine, lasting))
    return Memory(standing, progress, lost_ns), verdict


def _engine(sight: Sight, lost_ns: int, stuck_ns: int, limits: WatchSettings) -> tuple[Engine, int]:
    gone_ns = sight.now_ns - lost_ns if lost_ns else 0
    if sight.door == "silent":
        return ("stuck" if gone_ns >= limits.stuck_s * SECOND_NS else "fine"), gone_ns
    if sight.door == "away":
        return ("away" if gone_ns >= limits.away_s * SECOND_NS else "fine"), gone_ns
    return ("stuck" if stuck_ns >= limits.stuck_s * SECOND_NS else "fine"), stuck_ns


# ── progress ────────────────────────────────────────────────────────────────────────────────────


def _progress(sight: Sight, before: Progress) -> Progress:
    status = sight.status
    if status is None:
        return before
    now = Progress(status.life, status.meters.steps, status.durable_seq, sight.now_ns)
    same = (now.life, now.steps, now.durable_seq) == (before.life, before.steps, before.durable_seq)
    return before if same else now


def _still_ns(sight: Sight, progress: Progress) -> int:
    """For how long an engine with something to do has done nothing. An idle one may be still."""
    status = sight.status
    if status is None:
        return 0
    has_work = status.seq > status.durable_seq or status.meters.inbox > 0
    return sight.now_ns - progress.since_ns if has_work else 0


# ── what is wrong ───────────────────────────────────────────────────────────────────────────────

# The number to end with, by what the trouble's key begins with; the first that is there counts.
_CODES: tuple[tuple[str, Exit], ...] = (
    (ENGINE, Exit.AWAY),
    ("stuck", Exit.STUCK),
    ("disk", Exit.DISK),
    ("clock", Exit.CLOCK),
    ("account", Exit.VENUE),
)


def _code(engine: Engine, lasting: tuple[Trouble, ...]) -> Exit:
    if engine == "stuck":
        return Exit.STUCK
    for begins, code in _CODES:
        if any(one.key.startswith(begins) for one in lasting):
            return code
    return Exit.REFUSED if lasting else Exit.OK


def _troubles(sight: Sight, limits: WatchSettings, stuck_ns: int) -> Iterator[Trouble]:
    if sight.door == "away":
        yield _trouble(ENGINE, "alarm", say("the engine is away: {why}", why=sight.why), limits.away_s)
    elif sight.door == "silent":
        yield _trouble(ENGINE, "alarm", say("the engine is stuck: {why}", why=sight.why), limits.stuck_s)
    elif sight.door == "refused":
        said = say("the engine will not speak to the watch: {why}", why=sight.why)
        yield _trouble("door", "alarm", said, 0)
    elif stuck_ns:
        said = say("the engine makes no progress: records wait and none becomes durable")
        yield _trouble("stuck", "alarm", said, limits.stuck_s)
    if sight.status is not None:
        yield from _of_status(sight.status, limits)
        yield from _of_clock(sight.status, sight.now_ns, limits)
    if 0 <= sight.free_bytes < limits.disk_free_mb * MEGABYTE:
        free = str(sight.free_bytes // MEGABYTE)
        said = say("only {n} MB are free where the journal is: make room", n=free)
        yield _trouble("disk", "alarm", said, 0)
    if sight.desk:
        said = say("the web desk does not answer: {why}", why=sight.desk)
        yield _trouble("desk", "warn", said, limits.away_s)
    if limits.errors and sight.errors >= limits.errors:
        said = say(
            "{n} error lines within five minutes; the last: {line}",
            n=str(sight.errors),
            line=sight.last_error,
        )
        yield _trouble("errors", "warn", said, 0)


def _of_status(status: Status, limits: WatchSettings) -> Iterator[Trouble]:
    if status.killed:
        said = say("the kill switch is on: {why}", why=status.killed_why)
        yield _trouble("killed", "warn", said, 0)
    for account in status.accounts:
        yield from _of_account(account, limits)
    if status.unhedged:
        said = say("unhedged: {amount}", amount=f"{abs(status.unhedged):f}")
        yield _trouble("unhedged", "alarm", said, limits.unhedged_s)
    for bot in status.bots:
        if bot.phase == "parked":
            said = say("{bot} is parked: {why}", bot=bot.bot, why=bot.why)
            yield _trouble(f"bot/{bot.bot}", "alarm", said, 0)


def _of_account(account: AccountLook, limits: WatchSettings) -> Iterator[Trouble]:
    name = account.account
    if not account.ready:
        why = account.why or say("not reconciled yet")
        said = say("{account} may not trade: {why}", account=name, why=why)
        yield _trouble(f"account/{name}", "alarm", said, limits.not_ready_s, name)
    if account.unknown_orders:
        said = say("{account}: orders UNKNOWN: {n}", account=name, n=str(account.unknown_orders))
        yield _trouble(f"unknown/{name}", "alarm", said, limits.unknown_s, name)


def _of_clock(status: Status, now_ns: int, limits: WatchSettings) -> Iterator[Trouble]:
    apart_ms = (now_ns - status.now_ns) // 1_000_000
    if abs(apart_ms) >= limits.clock_ms:
        apart = str(abs(apart_ms))
        if apart_ms > 0:
            said = say("the engine's clock is {n} ms behind this machine's: was the clock set?", n=apart)
        else:
            said = say("the engine's clock is {n} ms ahead of this machine's: was the clock set?", n=apart)
        yield _trouble("clock", "warn", said, 0)


def _trouble(key: str, level: Level, said: Said, grace_s: int, account: str = "") -> Trouble:
    return a_trouble(key, "engine", level, said, grace_s * SECOND_NS, account=account)
