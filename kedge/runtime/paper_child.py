"""The paper venue as a child of `kedge up`: it ends when its parent ends, however the parent ended.

The parent holds the other end of our standard input. When that closes, by an exit or by a SIGKILL, the
venue says goodbye; its state file remembers everything it told.
"""

from __future__ import annotations

import os
import signal
import sys
import threading

import msgspec

from kedge.sim.paper import Options, server


def main() -> int:
    options = msgspec.json.decode(sys.argv[1], type=Options)
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    return server.main(options)


def _end_with_parent() -> None:
    # Not `sys.stdin`: a thread that waits in its buffer would hold its lock when the interpreter ends.
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    raise SystemExit(main())
