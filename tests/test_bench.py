"""Every bench runs, with sizes that show only that it works, and yields its ratios. No timing is judged."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import __main__ as bench
from bench import kit, results
from bench.kit import Budget, Part, Size, Spread, Table

# How many budgets each one speaks of; the peers are not installed for a test, so theirs are not there.
BUDGETS = {
    "durable": 1,
    "peers": 0,
    "decide": 5,
    "idle": 4,
    "start": 1,
    "replay": 2,
    "week": 2,
    "storm": 0,
    "gate": 0,
    "wire": 4,  # nautilus_trader is not installed for a test either
    "feed": 6,
    "sign": 2,
    "many": 3,
    "lists": 2,
    "pages": 1,
    "live": 1,
    "burden": 1,
    "scan": 2,
    "spreads": 2,
}


@pytest.mark.parametrize("name", bench.NAMES)
def test_every_bench_runs_and_yields_its_ratios(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEDGE_BENCH_DIR", str(tmp_path))
    part = bench.measure(name, Size(tiny=True))
    assert len(part.budgets) == BUDGETS[name]
    assert all(budget.measured > 0 for budget in part.budgets)
    assert all(len(row) == len(table.heads) for table in part.tables for row in table.rows)
    assert part.tables
    assert not list(tmp_path.iterdir()), "it leaves nothing behind"


def test_a_part_replaces_its_older_self_and_leaves_the_others(tmp_path: Path) -> None:
    page = tmp_path / "RESULTS.md"
    results.write("week", Part("Weeks", [Budget("growth", 1.01, 1.05)]), bench.NAMES, page)
    results.write("durable", Part("Disks", [Budget("sync", 2.5, 1.5)]), bench.NAMES, page)
    results.write("durable", Part("Disks", [Budget("sync", 1.25, 1.5)]), bench.NAMES, page)
    text = page.read_text()
    assert text.index("## Disks") < text.index("## Weeks"), "in the order of the list"
    assert text.count("## Disks") == 1
    assert "MISSED" not in text
    assert text.count("| growth | 1.01 | ≤ 1.05 | met |") == 2, "once in the summary, once in its part"
    assert "| processor |" in text


def test_a_missed_budget_says_so() -> None:
    less = Budget("rate", 49, 50, at_most=False)
    assert not less.met
    assert "| rate | 49 | ≥ 50 | MISSED |" in results.text_of(Part("Rates", [less]))
    assert Budget("rate", 50, 50, at_most=False).met
    assert Budget("time", 1.5, 1.5).met


def test_ratios_are_taken_inside_each_round() -> None:
    """A neighbour that slows one round down slows both, and cancels."""
    ours = [Spread(120.0, 200, 9), Spread(1200.0, 2000, 9), Spread(130.0, 200, 9)]
    bare = [Spread(100.0, 150, 9), Spread(1000.0, 1500, 9), Spread(100.0, 150, 9)]
    assert kit.ratio(ours, bare) == pytest.approx(1.2)
    assert kit.middle(ours).p50 == 130
    assert kit.middle(ours).count == 27
    assert kit.spread([3, 1, 2]).p50 == 2


def test_contestants_take_turns_at_beginning() -> None:
    order: list[str] = []
    names = {name: lambda name=name: (order.append(name), [1.0])[1] for name in "abc"}  # type: ignore[misc]
    found = kit.in_turns(3, names)
    assert "".join(order) == "abcbcacab"
    assert [len(rounds) for rounds in found.values()] == [3, 3, 3]


def test_tables_are_one_line_a_row() -> None:
    part = Part("Things", tables=[Table(("", "µs"), [("one", "1.0"), ("two", "2.0")])])
    assert "|  | µs |\n|---|---|\n| one | 1.0 |\n| two | 2.0 |" in results.text_of(part)


def test_an_unknown_bench_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(["nothing"])
    assert ended.value.code == 2
    assert "there is no bench 'nothing'; there are: durable" in capsys.readouterr().err
