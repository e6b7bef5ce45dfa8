"""`python -m bench`: run all or some, print each part as it is done, write bench/RESULTS.md."""

from __future__ import annotations

import argparse
import sys
from importlib import import_module
from pathlib import Path

from bench import results
from bench.kit import Part, Size

# In the order of the results page; the quick ones first would hide what matters.
NAMES = (
    *("durable", "peers", "decide", "idle", "start", "replay", "week", "storm", "gate"),
    *("wire", "feed", "sign", "many", "lists", "pages", "live", "burden", "scan", "spreads"),
)


def main(argv: list[str]) -> int:
    asked = argparse.ArgumentParser(prog="bench", description="Measure Kedge beside its peers.")
    asked.add_argument("names", nargs="*", metavar="NAME", help=f"of: {', '.join(NAMES)} (all of them)")
    asked.add_argument("--tiny", action="store_true", help="only show that everything works; writes nothing")
    asked.add_argument("--no-write", action="store_true", help="leave bench/RESULTS.md as it is")
    args = asked.parse_args(argv)
    unknown = [name for name in args.names if name not in NAMES]
    if unknown:
        asked.error(f"there is no bench {unknown[0]!r}; there are: {', '.join(NAMES)}")
    budgets = missed = 0
    for name in args.names or NAMES:
        part = measure(name, Size(args.tiny))
        print(results.text_of(part), flush=True)
        budgets += len(part.budgets)
        missed += sum(not budget.met for budget in part.budgets)
        if not (args.tiny or args.no_write):
            results.write(name, part, NAMES, Path(results.FILE))
    if budgets:
        print(f"{missed} of {budgets} budgets missed" if missed else f"all {budgets} budgets met")
    return 0


def measure(name: str, size: Size) -> Part:
    part: Part = import_module(f"bench.{name}").measure(size)
    return part


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
