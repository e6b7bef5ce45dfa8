"""`kedge sim VENUE ...` as it is, in a process that ends when whoever started it is gone."""

from __future__ import annotations

import os
import signal
import sys
import threading

from kedge import cli


def main() -> int:
    threading.Thread(target=_end_with_parent, name="parent", daemon=True).start()
    return int(cli.main(["sim", *sys.argv[1:]]))


def _end_with_parent() -> None:
    while os.read(0, 4096):
        pass
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main())
