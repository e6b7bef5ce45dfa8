"""The command line: `app` (what there is), `desk` (the desk's commands), `local` (this machine's)."""

from kedge.cli.app import main

__all__ = ["main"]
