"""What is in ops/: it parses, names only what exists, and keeps what its docs promise.

No container engine and no promtool is asked for. That the image's build stage really builds is tried by
`ops/try-build`, which needs the network and is therefore no test.
"""

from __future__ import annotations

import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from house import ROOT, report

from kedge import settings
from kedge.desk.meters import METERS

OPS = ROOT / "ops"
LABELS = {meter.name: meter.labels for meter in METERS}
# What Prometheus itself adds to what it reads, and the one metric it makes of every target.
ADDED = ("job", "instance")
FUNCTIONS = ("abs", "avg", "changes", "increase", "max", "min", "rate", "sum")
WORDS = ("by", "and", "or", "unless", "on", "without")


# ── PromQL ──────────────────────────────────────────────────────────────────────────────────────


def rules() -> list[dict[str, Any]]:
    groups = yaml.safe_load((OPS / "prometheus" / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def board() -> dict[str, Any]:
    made: dict[str, Any] = json.loads((OPS / "grafana" / "kedge.json").read_text())
    return made


def expressions() -> Iterator[tuple[str, str]]:
    yield from ((f"alert {rule['alert']}", rule["expr"]) for rule in rules())
    for panel in board()["panels"]:
        yield from ((f"panel {panel['title']}", target["expr"]) for target in panel.get("targets", ()))
    for one in board()["annotations"]["list"]:
        yield f"annotation {one['name']}", one["expr"]


def wrong_with(expression: str) -> Iterator[str]:
    """Names, labels and shape of an expression. Not a parser: what one mistypes is found."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    for opening, closing in ("()", "[]", "{}"):
        if bare.count(opening) != bare.count(closing):
            yield f"{opening} and {closing} do not match"
    known = [name for name in re.findall(r"\bkedge_\w+|\bup\b", bare) if name in LABELS or name == "up"]
    for name in re.findall(r"\bkedge_\w+", bare):
        if name not in LABELS:
            yield f"there is no metric {name}"
    allowed = {label for name in known for label in LABELS.get(name, ())} | set(ADDED)
    for inside in re.findall(r"\{([^}]*)\}", bare):
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", inside):
            if label not in allowed:
                yield f"there is no label {label}"
    for inside in re.findall(r"\bby\s*\(([^)]*)\)", bare):
        for label in re.split(r"\s*,\s*", inside):
            if label not in allowed:
                yield f"there is no label {label} to sum by"
    for name in re.findall(r"\b([a-z_]+)\s*\(", bare):
        if name not in FUNCTIONS and name not in WORDS:
            yield f"{name} is no function that is used here"
    for name in re.findall(r"(\w+)(?:\{[^}]*\})?\[", bare):
        if not name.endswith("_total") and name != "kedge_life":
            yield f"a range over {name}, which is no counter"
    for name in re.findall(r"\b(\w+_total)\b(?!\s*(?:\{[^}]*\})?\[)", bare):
        yield f"{name} is a counter: take its rate"


def test_every_metric_and_label_in_alerts_and_board_exists() -> None:
    report([f"{where}: {wrong}" for where, one in expressions() for wrong in wrong_with(one)])


@pytest.mark.parametrize(
    "expression",
    [
        "kedge_nothing > 1",
        "sum by (asset) (kedge_orders)",
        'kedge_orders{phase="open"}',
        "sum(kedge_orders",
        "rates(kedge_fills_total[5m])",
        "rate(kedge_queue[5m])",
        "kedge_fills_total > 5",
    ],
)
def test_a_mistake_in_an_expression_is_found(expression: str) -> None:
    assert list(wrong_with(expression))


def test_each_alert_says_how_bad_it_is_and_what_to_do() -> None:
    names = [rule["alert"] for rule in rules()]
    assert len(names) == len(dict.fromkeys(names))
    for rule in rules():
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}, rule["alert"]
        assert re.fullmatch(r"Kedge[A-Za-z]+", rule["alert"])
        assert rule["labels"]["severity"] in ("warning", "critical")
        assert re.fullmatch(r"\d+[smh]", rule.get("for", "1m"))
        about = rule["annotations"]
        assert about["summary"]
        assert about["description"].endswith(".")
        used = re.findall(r"\$labels\.(\w+)", about["summary"] + about["description"])
        given = {label for name in re.findall(r"kedge_\w+", rule["expr"]) for label in LABELS[name]}
        assert set(used) <= given, f"{rule['alert']} names a label that its metric has not"


def test_what_the_desk_promises_to_watch_has_an_alert() -> None:
    said = " ".join(rule["expr"] for rule in rules())
    for name in (
        *("kedge_unknown_orders", "kedge_unhedged_notional", "kedge_book_fresh", "kedge_up"),
        *("kedge_journal_seconds", "kedge_requests_used", "kedge_clock_skew_seconds"),
        "kedge_outbox_age_seconds",
    ):
        assert name in said, f"no alert looks at {name}"


def test_commands_that_alerts_name_are_there() -> None:
    from test_docs import commands

    from kedge.cli.app import make_app

    known = set(commands(make_app()))
    text = (OPS / "prometheus" / "alerts.yaml").read_text()
    for words in re.findall(r"`kedge ([a-z]+(?: [a-z]+)?)", text):
        assert words in known or words.split()[0] in known, words


def test_the_boards_panels_do_not_overlap_and_have_numbers_of_their_own() -> None:
    panels = board()["panels"]
    taken: dict[tuple[int, int], str] = {}
    for panel in panels:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        for x in range(at["x"], at["x"] + at["w"]):
            for y in range(at["y"], at["y"] + at["h"]):
                assert (x, y) not in taken, f"{panel['title']} lies on {taken.get((x, y))}"
                taken[x, y] = panel["title"]
        if panel["type"] != "row":
            assert panel["description"], panel["title"]
    ids = [panel["id"] for panel in panels]
    assert len(ids) == len(dict.fromkeys(ids))


# ── containers ──────────────────────────────────────────────────────────────────────────────────


def steps() -> list[tuple[str, str]]:
    """The Dockerfile's instructions, lines put together."""
    text = re.sub(r"\\\n\s*", "", (OPS / "Dockerfile").read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def test_the_image_is_built_in_two_stages_and_runs_as_nobody_special() -> None:
    done = steps()
    assert [verb for verb, _ in done].count("FROM") == 2
    last = dict(done)
    assert last["USER"] == "kedge"
    assert json.loads(last["ENTRYPOINT"]) == ["kedge"]
    assert json.loads(last["CMD"]) == ["up"]
    assert "watch" in last["HEALTHCHECK"]
    assert not [rest for verb, rest in done if verb == "ADD" or "latest" in rest]
    runs = [rest for verb, rest in done if verb == "RUN"]
    assert all("--frozen" in rest for rest in runs if "uv sync" in rest), "the lock decides the versions"


def test_what_the_image_installs_is_declared() -> None:
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for verb, rest in steps():
        if verb == "RUN" and "uv sync" in rest:
            assert set(re.findall(r"--extra (\S+)", rest)) <= set(extras)


def test_what_the_image_copies_is_there_and_is_not_ignored() -> None:
    kept = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    copied = [rest.split()[:-1] for verb, rest in steps() if verb == "COPY" and "--from" not in rest]
    for name in [name for names in copied for name in names]:
        assert (ROOT / name).exists(), name
        assert name in kept, f"{name} does not reach the builder"


def compose() -> dict[str, Any]:
    made: dict[str, Any] = yaml.safe_load((OPS / "compose.yaml").read_text())
    return made


def test_every_service_is_restarted_bounded_and_named_by_a_version() -> None:
    for name, service in compose()["services"].items():
        assert service["restart"] == "unless-stopped", name
        assert service["logging"]["options"]["max-size"], name
        image = service["image"]
        assert image == "kedge" or re.search(r":v?\d", image), f"{name}: {image}"


def test_volumes_networks_and_files_that_services_use_are_there() -> None:
    made = compose()
    for name, service in made["services"].items():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            there = (OPS / source).is_file() if source.startswith(".") else source in made["volumes"]
            assert there, f"{name}: {source}"
        assert set(service["networks"]) <= set(made["networks"])
        for other in service.get("depends_on", ()):
            assert other in made["services"]
            assert "profiles" not in made["services"][other]


def test_only_the_proxy_and_grafana_can_be_reached_and_from_this_host_alone() -> None:
    for name, service in compose()["services"].items():
        for port in service.get("ports", ()):
            assert name in ("proxy", "grafana")
            assert port.startswith(("127.0.0.1:", "${KEDGE_BIND:-127.0.0.1}:"))


def test_the_desks_environment_is_one_that_settings_take() -> None:
    given = compose()["services"]["desk"]["environment"]
    environ = {
        name: re.sub(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}", lambda found: found[2] or "", value)
        for name, value in given.items()
    }
    made = settings.load(Path("/nowhere/kedge.toml"), environ)
    assert (made.web.host, made.web.behind_proxy) == ("0.0.0.0", True)
    assert made.metrics.token == "METRICS_TOKEN"


def test_prometheus_reads_where_the_desk_gives() -> None:
    made = yaml.safe_load((OPS / "prometheus" / "prometheus.yaml").read_text())
    (job,) = made["scrape_configs"]
    desk = compose()["services"]["desk"]["environment"]["KEDGE__METRICS__LISTEN"]
    assert job["static_configs"][0]["targets"] == [f"desk:{desk.rpartition(':')[2]}"]
    assert job["authorization"]["credentials_file"] == "/run/secrets/metrics_token"
    mounted = [volume.split(":")[1] for volume in compose()["services"]["prometheus"]["volumes"]]
    assert set(made["rule_files"]) <= set(mounted)
    boards = yaml.safe_load((OPS / "grafana" / "provisioning" / "boards.yaml").read_text())
    folder = boards["providers"][0]["options"]["path"]
    assert any(
        volume.split(":")[1].startswith(folder) for volume in compose()["services"]["grafana"]["volumes"]
    )


def test_the_script_that_tries_the_build_is_one_that_bash_understands() -> None:
    subprocess.run(["bash", "-n", str(OPS / "try-build")], check=True, timeout=20)
