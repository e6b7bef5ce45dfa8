"""The systemd units: today's, understood by systemd, and with little left that they may do."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from house import ROOT

from kedge.cli import app
from kedge.cli import service as cli_service
from kedge.desk.units import NAMES, Name, Place, unit
from kedge.model.exits import Exit

FOLDER = ROOT / "ops" / "systemd"
WRITE = bool(os.environ.get("KEDGE_WRITE_PAGES"))
# `systemd-analyze security`: 0 is nothing left to take away, 10 is everything open.
EXPOSURE_MOST = 2.0


def run(*words: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed")
    return subprocess.run([program, *words], capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("name", NAMES)
def test_the_page_of_each_unit_is_todays(name: Name) -> None:
    path = FOLDER / f"kedge-{name}.service"
    if WRITE:
        path.write_text(unit(name, Place()))
    assert path.read_text() == unit(name, Place()), "run with KEDGE_WRITE_PAGES=1"


@pytest.mark.parametrize("place", [Place(), Place(user=""), Place(home="/srv/kedge", apart=False)])
def test_systemd_understands_them(tmp_path: Path, place: Place) -> None:
    program = tmp_path / "kedge"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    here = Place(str(program), place.home, place.user and "root", place.apart)
    paths = []
    for name in NAMES:
        paths.append(tmp_path / f"kedge-{name}.service")
        paths[-1].write_text(unit(name, here))
    ran = run("verify", "--man=no", *map(str, paths))
    assert (ran.returncode, _about(ran.stderr)) == (0, [])


def _about(said: str) -> list[str]:
    """What is said of ours; a machine may have its own trouble with its other units."""
    return [line for line in said.splitlines() if "kedge" in line]


@pytest.mark.parametrize("name", NAMES)
def test_little_is_left_that_they_may_do(name: Name) -> None:
    ran = run("security", "--offline=true", str(FOLDER / f"kedge-{name}.service"))
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", ran.stdout)
    assert found, ran.stdout + ran.stderr
    assert float(found[1]) <= EXPOSURE_MOST


def test_what_each_unit_promises() -> None:
    engine, desk = unit("engine", Place()), unit("desk", Place())
    assert "ExecStart=/opt/kedge/bin/kedge up --no-desk\n" in engine
    assert "ExecStart=/opt/kedge/bin/kedge desk\n" in desk
    assert "ExecStart=/opt/kedge/bin/kedge up\n" in unit("engine", Place(apart=False))
    for text in (engine, desk):
        assert "Type=notify\n" in text
        assert "Restart=always\n" in text
        assert "WatchdogSec=60s\n" in text
    # What must not depend on what: the desk may be away, and the engine does not notice.
    assert "kedge-desk" not in engine
    assert "Requires=" not in desk
    assert f"RestartPreventExitStatus={Exit.USAGE:d} {Exit.CORRUPT:d} {Exit.TOO_NEW:d}" in engine


def test_a_users_service_asks_for_nothing_that_is_the_systems() -> None:
    text = unit("engine", Place(user="", home="/home/ann/my desk", program="/home/ann/100%/kedge"))
    for word in ("User=", "ProtectSystem", "CapabilityBoundingSet", "OOMScoreAdjust=-", "network-online"):
        assert word not in text
    assert 'Environment="KEDGE_HOME=/home/ann/my desk"\n' in text
    assert "ExecStart=/home/ann/100%%/kedge up" in text
    assert text.endswith("WantedBy=default.target\n")


def test_a_program_or_a_home_below_home_can_still_be_read() -> None:
    assert "ProtectHome=read-only\n" in unit("engine", Place(program="/home/ann/.venv/bin/kedge"))
    text = unit("engine", Place(home="/home/ann/kedge"))
    assert "ReadWritePaths=/home/ann/kedge\n" in text
    assert "ProtectHome=read-only\n" in text


# ── the command ─────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("KEDGE_HOME", str(tmp_path / "desk"))
    return tmp_path


def test_install_writes_and_says_what_to_run(person: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["service", "install", "--user"]) == Exit.OK
    said = capsys.readouterr().out
    folder = person / ".config" / "systemd" / "user"
    assert "systemctl --user enable --now kedge-engine.service" in said
    assert "loginctl enable-linger" in said
    text = (folder / "kedge-engine.service").read_text()
    assert f"KEDGE_HOME={person / 'desk'}" in text
    assert str(Path(sys.executable).with_name("kedge")) in text
    assert app.main(["service", "install", "--user"]) == Exit.OK, "the same again is no change"
    (folder / "kedge-engine.service").write_text("mine\n")
    assert app.main(["service", "install", "engine", "--user"]) == Exit.REFUSED
    assert "add --force" in capsys.readouterr().err
    assert app.main(["service", "install", "engine", "--user", "--force"]) == Exit.OK
    assert (folder / "kedge-engine.service").read_text() == text


def test_together_is_one_service_less(person: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert app.main(["service", "print", "--user", "--together"]) == Exit.OK
    said = capsys.readouterr().out
    assert "kedge-desk.service" not in said.replace("After=kedge-engine.service kedge-desk.service", "")
    assert "kedge up\n" in said


def test_without_the_user_kedge_the_mend_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(cli_service, "SYSTEM_FOLDER", tmp_path)

    def getpwnam(name: str) -> None:
        raise KeyError(name)

    monkeypatch.setattr("pwd.getpwnam", getpwnam)
    assert app.main(["service", "install", "--system"]) == Exit.REFUSED
    assert "useradd --system" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
