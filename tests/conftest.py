"""What holds for every test: on a build machine nothing is skipped, and no law fails for being slow.

A skipped test is one that nobody ran. At home that may be right (another system, a library that is not
there); with CI=1 it is a failure that says what was missing.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings

# Other people's clients run in an environment of their own: `make conformance`.
collect_ignore = ["conformance"]

ON_CI = os.environ.get("CI", "").lower() not in ("", "0", "false")

# Shared machines stall: how long an example took says nothing about the law. On a build machine the
# examples are the same each time, so that a red run is about the change and not about luck.
settings.register_profile("kedge", deadline=None, derandomize=ON_CI, print_blob=True)
settings.load_profile("kedge")


def _must_not_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    expected_to_fail = hasattr(report, "wasxfail")
    if ON_CI and report.skipped and not expected_to_fail:
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{report.nodeid}: skipped, and with CI=1 nothing may be ({why})"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _must_not_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _must_not_skip(report)
    return report
