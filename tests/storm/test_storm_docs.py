"""docs/storms.md names every fault, check, rare mark, planted fault and scenario."""

from __future__ import annotations

import re
from pathlib import Path

from kedge.storm.rings import PLANTED
from kedge.storm.sweep import SCENARIOS
from kedge.storm.weather import KINDS, MACHINE, RARE, RAREST

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "storms.md").read_text()


def test_everything_that_can_happen_is_named() -> None:
    for name in (*KINDS, *MACHINE, *RARE, *RAREST, *(s.name for s in SCENARIOS)):
        assert f"`{name}`" in PAGE, name


def test_every_planted_fault_is_told_as_the_code_tells_it() -> None:
    for mutant in PLANTED[False]:
        assert f"| `{mutant.name}` | {mutant.says} |" in PAGE


def test_every_check_has_its_number_on_the_page() -> None:
    code = "".join(path.read_text() for path in (ROOT / "kedge" / "storm").glob("*.py"))
    numbers = sorted({int(n) for n in re.findall(r'(?:broken|Violation)\(\s*"(\d+) ', code)})
    assert numbers[0] == 0
    for number in numbers:
        assert f"\n| {number} | " in PAGE
