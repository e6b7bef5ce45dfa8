"""The desk process as a child of `kedge up`: it ends when its parent ends, and yields to the engine.

python -m kedge.cli.desk_child HOME [--any-port] [--quiet]
"""

from __future__ import annotations

import os
import signal
import sys
import threading

import msgspec

from kedge import home as homes
from kedge import logs, settings
from kedge.settings import SettingsWrong

# Trading comes first: measured in docs/why/desk.md.
NICE = 10


def main() -> int:
    os.nice(NICE)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    home = homes.find(sys.argv[1])
    from kedge.desk.process import run_desk

    try:
        chosen = settings.load(home.settings)
        if "--any-port" in sys.argv:
            chosen = msgspec.structs.replace(chosen, web=msgspec.structs.replace(chosen.web, port=0))
        with logs.writing("desk", home, chosen, quiet="--quiet" in sys.argv) as log:
            run_desk(home, chosen, log)
    except SettingsWrong as wrong:
        sys.stderr.write(f"kedge desk: {wrong}\n")
        return 1
    return 0


def _end_with_parent() -> None:
    # Not `sys.stdin`: a thread that waits in its buffer would hold its lock when the interpreter ends.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(main())
