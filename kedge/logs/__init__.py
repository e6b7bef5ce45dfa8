"""What programs of the desk write for whoever runs the machine: to stderr, and to files that stay small.

    with logs.writing("engine", home, settings):
        log = logs.get()
        log("paper venue on 127.0.0.1:4000")
        if log.wants("warn"):
            log.warn(costly_sentence(), bot="hedge-1")

Everything ends in Python's own `logging`, so what libraries say goes the same way, through the same
redaction, into the same files. The engine needs nothing else. Where structlog is installed (`kedge[desk]`)
the desk has it set up on top (`structured=True`): `structlog.get_logger()` with its bound context then writes
the same lines.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Mapping, MutableMapping
from contextlib import contextmanager
from typing import Any

from kedge.home import Home
from kedge.logs import lines
from kedge.logs.lines import LEVELS, Line
from kedge.logs.redact import Redactor, secrets_of
from kedge.logs.sinks import RotatingFile, Sink, goes_to_journal, to_stderr
from kedge.settings import LogSettings, Settings

__all__ = ["LEVELS", "Line", "Log", "get", "writing"]

NUMBERS = {"debug": logging.DEBUG, "info": logging.INFO, "warn": logging.WARNING, "error": logging.ERROR}
MEGABYTE = 1 << 20
# Libraries that tell of every request they make say so only where debugging was asked for.
QUIET = (
    *("aiohttp.access", "aiogram.event", "asyncio", "axes", "django.request"),
    *("httpcore", "httpx", "PIL"),
)
# What `logging` itself keeps in a record; whatever else is there was given by `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "about", "taskName"}


class Log:
    """One program's or part's voice. Calling it says something as `info`."""

    __slots__ = ("_logger",)

    def __init__(self, name: str) -> None:
        self._logger = logging.getLogger(name)

    def __call__(self, says: str, level: str = "info", /, **about: object) -> None:
        number = NUMBERS[level]
        if self._logger.isEnabledFor(number):
            # As an argument: a per cent sign in the sentence is no instruction.
            self._logger.log(number, "%s", says, extra={"about": about})

    def debug(self, says: str, /, **about: object) -> None:
        self(says, "debug", **about)

    def info(self, says: str, /, **about: object) -> None:
        self(says, "info", **about)

    def warn(self, says: str, /, **about: object) -> None:
        self(says, "warn", **about)

    def error(self, says: str, /, **about: object) -> None:
        self(says, "error", **about)

    def fault(self, says: str, error: BaseException, /, **about: object) -> None:
        """A fault of ours, with the way it took."""
        self._logger.error("%s", says, exc_info=error, extra={"about": about})

    def wants(self, level: str) -> bool:
        """Whether such a line is written at all: ask before making a costly sentence."""
        return self._logger.isEnabledFor(NUMBERS[level])


def get(part: str = "") -> Log:
    return Log(f"kedge.{part}" if part else "kedge")


@contextmanager
def writing(
    program: str, home: Home, settings: Settings, *, quiet: bool = False, structured: bool = False
) -> Iterator[Log]:
    """Write what is logged from here on; what ends the program is written to the file too.

    `quiet`: only errors to stderr, for a program whose output is read by another.
    """
    pens = _Pens(program, _sinks(program, home, settings, quiet))
    root = logging.getLogger()
    before = (root.level, root.handlers[:])
    root.handlers[:] = [pens]
    root.setLevel(NUMBERS[settings.log.level])
    logging.captureWarnings(True)
    _hush(settings.log.level)
    if structured:
        _set_up_structlog()
    try:
        yield get()
    except BaseException as error:
        pens.last_words(error)
        raise
    finally:
        logging.captureWarnings(False)
        root.setLevel(before[0])
        root.handlers[:] = before[1]
        pens.close()


def _sinks(program: str, home: Home, settings: Settings, quiet: bool) -> list[Sink]:
    chosen = settings.log
    mend = Redactor(secrets_of(home.secrets, settings)).line
    least = "error" if quiet else chosen.level
    made = [Sink("stderr", least, _stderr_form(chosen), to_stderr, mend)]
    if chosen.file:
        file = RotatingFile(home.log(program), chosen.rotate_mb * MEGABYTE, chosen.keep)
        form = lines.as_json if chosen.form == "json" else lines.as_text
        made.append(Sink("file", chosen.level, form, file.write, mend))
    return made


def _stderr_form(chosen: LogSettings) -> Any:
    if chosen.form == "json":
        return lines.as_json
    if goes_to_journal():
        return lines.as_journal
    return lines.as_person if sys.stderr.isatty() else lines.as_text


def _hush(level: str) -> None:
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.NOTSET if level == "debug" else logging.WARNING)


class _Pens(logging.Handler):
    """From `logging` to the sinks. What a record says is settled here; how it looks, in their threads."""

    def __init__(self, program: str, sinks: list[Sink]) -> None:
        super().__init__()
        self._program, self._sinks = program, sinks

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self._line(record)
        except (TypeError, ValueError) as error:  # a library's own mistake in its format
            line = Line(_ns(record), "warn", self._program, f"{record.name}: {record.msg!r} ({error})")
        for sink in self._sinks:
            sink.take(line)

    def last_words(self, error: BaseException) -> None:
        """Whoever catches it tells the person; the file must know too."""
        if isinstance(error, (SystemExit, KeyboardInterrupt, GeneratorExit)):
            return
        record = logging.LogRecord("kedge", logging.ERROR, "", 0, "ended: %s", (error,), None)
        for sink in self._sinks[1:]:
            sink.take(self._line(record))

    def close(self) -> None:
        for sink in self._sinks:
            sink.close()
        super().close()

    def _line(self, record: logging.LogRecord) -> Line:
        ours = record.name.partition(".")[0] == "kedge"
        about: Mapping[str, object] = getattr(record, "about", None) or _extras(record)
        trace = logging.Formatter().formatException(record.exc_info) if record.exc_info else ""
        says = record.getMessage() if ours else f"{record.name}: {record.getMessage()}"
        return Line(_ns(record), _level(record.levelno), self._program, says, about, trace)


def _ns(record: logging.LogRecord) -> int:
    return int(record.created * 1e6) * 1000


def _level(number: int) -> str:
    if number >= logging.ERROR:
        return "error"
    if number >= logging.WARNING:
        return "warn"
    return "info" if number >= logging.INFO else "debug"


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


# ── structlog ───────────────────────────────────────────────────────────────────────────────────


def _set_up_structlog() -> None:
    """`structlog.get_logger()` with bound context writes through `logging`; nothing where it is missing."""
    try:
        import structlog
    except ImportError:
        return
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, structlog.contextvars.merge_contextvars, _hand_over],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )


def _hand_over(_: object, __: str, event: MutableMapping[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The last processor: the event as `logging` takes it."""
    says, exc_info = str(event.pop("event", "")), event.pop("exc_info", None)
    return ("%s", says), {"extra": {"about": dict(event)}, "exc_info": exc_info}
