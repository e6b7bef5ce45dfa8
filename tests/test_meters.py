"""The numbers for Prometheus: each once, described, bounded, true; and what "ready" means."""

from __future__ import annotations

import re
from decimal import Decimal as D

import msgspec
from fake_port import NOW, a_status
from pages import check_page
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from prometheus_client.parser import text_string_to_metric_families

from kedge.desk import meters, meters_port
from kedge.desk.meters import METERS, Picture, readiness, samples
from kedge.model.looks import AccountLook, Meters, Status

NS = 1_000_000_000


def an_account(**changes: object) -> AccountLook:
    return msgspec.structs.replace(a_status().accounts[0], **changes)


def a_picture(status: Status | None = None, **changes: object) -> Picture:
    made = Picture(NOW + NS, a_status() if status is None else status, NOW)
    return msgspec.structs.replace(made, **changes)


def numbers(picture: Picture) -> dict[str, float]:
    """As Prometheus itself reads them: `name{label="value"}` to number."""
    found = {}
    for family in text_string_to_metric_families(meters.exposition(picture).decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            found[f"{sample.name}{{{labels}}}" if labels else sample.name] = sample.value
    return found


def test_the_numbers_are_those_of_the_status() -> None:
    account = an_account(
        orders={"open": 3, "unknown": 1},
        unknown_orders=1,
        requests_used=40,
        requests_max=100,
        skew_ns=-5_000_000,
        private_age_ns=2 * NS,
        reconnects=4,
        trouble="slow",
    )
    status = a_status(
        accounts=(account,),
        unhedged=D("-12.5"),
        killed=True,
        counts={"fills": 7, "fills late": 1, "refusals": 2, "commands": 5, "commands refused": 1},
        meters=Meters(
            loop_lag_ns=1_000_000, loop_lag_max_ns=9_000_000, journal_p99_ns=3_000_000, recovery_ns=2 * NS,
            steps=99, inbox=1, unsynced=2, effects=3, rss_bytes=5 << 20, fds=20,
        ),
    )  # fmt: skip
    picture = a_picture(status, tables_behind=3, outbox=2, outbox_oldest_ns=NOW - NS, troubles={"web": "x"})
    found = numbers(picture)
    assert found["kedge_up"] == 1
    assert found["kedge_unhedged_notional"] == 12.5
    assert found["kedge_orders{account=paper/main,state=open}"] == 3
    assert found["kedge_orders{account=paper/main,state=pending}"] == 0
    assert found["kedge_unknown_orders{account=paper/main}"] == 1
    assert found["kedge_requests_used{account=paper/main}"] == 40
    assert found["kedge_clock_skew_seconds{account=paper/main}"] == -0.005
    assert found["kedge_private_age_seconds{account=paper/main}"] == 2
    assert found["kedge_reconnects_total{account=paper/main}"] == 4
    assert found["kedge_account_trouble{account=paper/main}"] == 1
    assert found["kedge_book_age_seconds{market=paper/main:BTC-PERP}"] == 0.012
    assert found["kedge_loop_lag_seconds{quantile=1}"] == 0.009
    assert found["kedge_journal_seconds{quantile=0.99}"] == 0.003
    assert found["kedge_recovery_seconds"] == 2
    assert found["kedge_fills_total"] == 8
    assert found["kedge_refusals_total"] == 2
    assert found["kedge_commands_total{result=refused}"] == 1
    assert found["kedge_killed"] == 1
    assert found["kedge_bots{phase=parked}"] == 1
    assert found["kedge_realised{asset=USDT}"] == -0.12
    assert found["kedge_queue{queue=effects}"] == 3
    assert found["kedge_status_age_seconds"] == 1
    assert found["kedge_tables_behind"] == 3
    assert found["kedge_outbox_age_seconds"] == 2
    assert found["kedge_part_trouble{part=web}"] == 1


def test_every_metric_is_described_once_and_is_given_somewhere() -> None:
    names = [meter.name for meter in METERS]
    assert len(names) == len(dict.fromkeys(names))
    assert all(re.fullmatch(r"kedge_[a-z_]+", name) for name in names)
    assert all(one.name.endswith("_total") == (one.kind == "counter") for one in METERS)
    full = a_picture(tables_behind=0, outbox=0, troubles={"web": ""})
    given = dict.fromkeys(sample.name for sample in samples(full))
    assert sorted(given) == sorted(names)
    labels = {meter.name: len(meter.labels) for meter in METERS}
    assert all(len(sample.labels) == labels[sample.name] for sample in samples(full))


def test_while_the_engine_is_away_its_numbers_are_left_out() -> None:
    found = numbers(a_picture(away="no desk is running here", away_since_ns=NOW - 4 * NS, comebacks=2))
    assert found == {"kedge_up": 0, "kedge_away_seconds": 5, "kedge_comebacks_total": 2}


def test_labels_are_bounded() -> None:
    accounts = tuple(an_account(account=f"paper/a{n}") for n in range(meters.LABELS_MAX + 100))
    counts = {f"what {n}": 1 for n in range(meters.LABELS_MAX + 100)}
    found = list(samples(a_picture(a_status(accounts=accounts, counts=counts))))
    assert sum(sample.name == "kedge_account_up" for sample in found) == meters.LABELS_MAX
    assert sum(sample.name == "kedge_events_total" for sample in found) == meters.LABELS_MAX


def test_the_text_is_of_the_kind_that_is_said() -> None:
    assert meters_port.METRICS_KIND == CONTENT_TYPE_LATEST


def test_the_page_of_metrics_is_todays() -> None:
    check_page("monitor", meters.table(), "docs/how-to")


# ── ready ───────────────────────────────────────────────────────────────────────────────────────


def test_ready_means_engine_accounts_and_tables() -> None:
    assert readiness(a_picture(tables_behind=5)).ready
    assert readiness(Picture(NOW)).missing == ("engine: not heard yet",)
    away = readiness(a_picture(away="it hung up"))
    assert (away.ready, away.missing, away.accounts) == (False, ("engine: it hung up",), {})
    late = a_status(accounts=(an_account(ready=False, why="the line is down"),))
    assert readiness(a_picture(late)).missing == ("paper/main: the line is down",)
    behind = readiness(a_picture(tables_behind=5000, troubles={"telegram": "409", "web": ""}))
    assert behind.missing == ("tables: 5000 records behind", "telegram: 409")
