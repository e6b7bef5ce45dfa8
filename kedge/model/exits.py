"""How a program of the desk ends: stable numbers for scripts, one sentence for people."""

from __future__ import annotations

from enum import IntEnum


class Exit(IntEnum):
    OK = 0
    REFUSED = 1
    USAGE = 2
    AWAY = 3
    LEASE = 4
    CORRUPT = 5
    TOO_NEW = 6
    SETTINGS = 7
    DISK = 8
    VENUE = 9
    CLOCK = 10
    BUG = 70
    STUCK = 75


MEANINGS: dict[Exit, str] = {
    Exit.OK: "done",
    Exit.REFUSED: "the desk said no, or a check found something wrong",
    Exit.USAGE: "the command line is wrong: a name, a value, something missing",
    Exit.AWAY: "no desk is running here, or it is stopping",
    Exit.LEASE: "another process drives this desk or its account",
    Exit.CORRUPT: "the journal fails its own checks",
    Exit.TOO_NEW: "the journal was written by a newer version of Kedge",
    Exit.SETTINGS: "settings, secrets, bots file or home folder are wrong",
    Exit.DISK: "the journal could not be written or read",
    Exit.VENUE: "a venue could not be reached",
    Exit.CLOCK: "the machine's clock cannot be trusted",
    Exit.BUG: "a fault of Kedge's own",
    Exit.STUCK: "the engine's loop stood still and the watchdog ended the process; start it again",
}


class Halt(Exception):
    """End the program with this number and this sentence. Raised where nothing more can be done."""

    def __init__(self, code: Exit, says: str) -> None:
        super().__init__(says)
        self.code = code
