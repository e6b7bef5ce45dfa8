"""The command line: every command of the desk, and what only makes sense on the machine itself.

    kedge up                    the engine, paper venues and bots, until stopped
    kedge status | bots | orders | fills | positions | explain ...
    kedge bot add NAME KIND name=value ...
    kedge doctor | verify | backup | settings ...

Every command takes `--json` and ends with one of the numbers in `kedge/model/exits.py`. A person's mistake
is one sentence on stderr, never a traceback. The desk's own commands are not written here: they are made
from `desk/commands.py` (see `desk.py`).
"""

from __future__ import annotations

import io
import os
import sys
import traceback
from collections.abc import Sequence

import cyclopts
from cyclopts import CycloptsError

from kedge import __version__
from kedge.cli.desk import add_desk_commands
from kedge.cli.local import add_local_commands
from kedge.cli.out import complain, console, error_console
from kedge.cli.web import add_web_commands
from kedge.client import DeskAway, Refused
from kedge.home import HomeWrong
from kedge.journal.journal import Corrupt, Fenced, JournalError, LeaseHeld, TooNew
from kedge.model.exits import Exit, Halt
from kedge.settings import SettingsWrong

# Which number an exception ends with; the first that fits counts, so the narrower ones stand first.
CODES: tuple[tuple[type[BaseException], Exit], ...] = (
    (DeskAway, Exit.AWAY),
    (LeaseHeld, Exit.LEASE),
    (Fenced, Exit.LEASE),
    (Corrupt, Exit.CORRUPT),
    (TooNew, Exit.TOO_NEW),
    (JournalError, Exit.DISK),
    (SettingsWrong, Exit.SETTINGS),
    (HomeWrong, Exit.SETTINGS),
)

CODES_LINE = "Ends with: " + ", ".join(f"{code.value} {code.name.lower().replace('_', ' ')}" for code in Exit)
EPILOGUE = f"{CODES_LINE}. Everything is kept in KEDGE_HOME, by default ~/.local/state/kedge."


def make_app() -> cyclopts.App:
    app = cyclopts.App(
        name="kedge",
        help="A trading desk that survives a power cut at any moment.",
        version=__version__,
        version_flags=["--version"],
        help_format="plaintext",
        help_epilogue=EPILOGUE,
        console=console(),
        error_console=error_console(),
        default_parameter=cyclopts.Parameter(negative=()),
        suppress_keyboard_interrupt=False,
    )
    add_desk_commands(app)
    add_local_commands(app)
    add_web_commands(app)
    return app


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the number to exit with."""
    tokens = list(sys.argv[1:] if argv is None else argv)
    as_json = "--json" in tokens
    for stream in (sys.stdout, sys.stderr):
        # A terminal that lacks a letter shows a ? for it; that is no reason to fail.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        result = make_app()(tokens, exit_on_error=False, print_error=False, result_action="return_value")
        return int(result) if isinstance(result, int) else Exit.OK
    except CycloptsError as error:
        return complain(Exit.USAGE, usage_sentence(error), as_json)
    except Halt as halt:
        return complain(halt.code, str(halt), as_json)
    except Refused as refused:
        return complain(refusal_code(refused), str(refused), as_json)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Who read us has gone (`| head`): nothing is wrong, and nothing more can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return Exit.OK
    except tuple(kind for kind, _ in CODES) as error:
        return complain(code_of(error), str(error), as_json, getattr(error, "command_id", ""))
    except Exception as bug:  # noqa: BLE001  # the one place that may: our own faults get their own number
        traceback.print_exc()
        says = f"a fault of Kedge's own ({type(bug).__name__}: {bug}); please report it with the lines above"
        return complain(Exit.BUG, says, as_json)


def code_of(error: BaseException) -> Exit:
    return next(code for kind, code in CODES if isinstance(error, kind))


def refusal_code(refused: Refused) -> Exit:
    codes = {"usage": Exit.USAGE, "malformed": Exit.USAGE, "bug": Exit.BUG}
    return codes.get(refused.fault, Exit.REFUSED)


def usage_sentence(error: CycloptsError) -> str:
    """What is wrong with the command line, in one sentence with the mend."""
    says = " ".join(str(error).split())
    # The parser lists some of the commands and stops; all of them are one `--help` away.
    says, listed, _ = says.partition(" Available commands:")
    if listed and not says.endswith("?"):
        says = f"{says.rstrip('.')}; kedge --help lists what there is"
    return says.rstrip(".")


if __name__ == "__main__":
    sys.exit(main())
