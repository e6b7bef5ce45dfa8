"""What `kedge doctor` asks of the desk: secrets by form, database, ports, certificates, rights."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Any

import pytest
from house import ROOT

from kedge.cli import app
from kedge.desk import checkup
from kedge.desk.checkup import Finding, examine
from kedge.desk.web import project
from kedge.home import Home
from kedge.settings import parse

TOKEN = "123456789:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw1"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    (tmp_path / "home").mkdir(mode=0o700)
    return Home(tmp_path / "home")


def found(home: Home, environ: dict[str, str] | None = None, **sections: Any) -> dict[str, Finding]:
    sections.setdefault("web", {"enabled": False})
    return {one.about: one for one in examine(home, parse(sections), environ or {})}


def test_a_new_home_is_well(home: Home) -> None:
    told = found(home)
    assert not [one for one in told.values() if one.fails or one.mend]
    assert "desk database" in told


@pytest.mark.parametrize(
    ("value", "fails"), [(TOKEN, False), ("123456", True), (f"{TOKEN} ", True), ("bot" + TOKEN, True)]
)
def test_a_telegram_token_is_judged_by_its_form_alone(home: Home, value: str, fails: bool) -> None:
    told = found(home, {"TELEGRAM_TOKEN": value}, telegram={"token": "TELEGRAM_TOKEN"})
    assert told["[telegram] token"].fails is fails
    assert value.strip() not in told["[telegram] token"].says


def test_a_secret_that_is_named_and_missing_is_said(home: Home) -> None:
    told = found(home, metrics={"token": "METRICS_TOKEN"})
    assert told["[metrics] token"].fails
    assert "METRICS_TOKEN" in told["[metrics] token"].says


def test_a_database_that_cannot_be_reached_is_said_without_its_password(home: Home) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"postgresql://kedge:{{DB_PW}}@127.0.0.1:{port}/kedge"
    told = found(home, {"DB_PW": "hunter2hunter2"}, database={"url": url})["desk database"]
    assert told.fails
    assert "hunter2" not in told.says
    missing = found(home, database={"url": url})["desk database"]
    assert (missing.fails, "DB_PW" in missing.says) == (True, True)


def test_a_port_that_is_taken_is_said(home: Home) -> None:
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        door.listen()
        port = door.getsockname()[1]
        told = found(home, web={"port": port}, metrics={"listen": f"127.0.0.1:{port}"})
        assert told["web port"].fails
        assert "already in use" in told["metrics port"].says
        (home.root / "desk.address").write_text("http://127.0.0.1\n")
        assert not found(home, web={"port": port})["web port"].fails, "it may be ours"
    assert "is free" in found(home, web={"port": port})["web port"].says


def test_certificates_fit_their_keys_and_are_read_by_nobody_else(home: Home) -> None:
    cert, key = home.root / "cert.pem", home.root / "key.pem"
    web = {"cert": str(cert), "key": str(key), "port": 0}
    assert found(home, web=web)["TLS"].fails, "they are not there"
    key.write_text((ROOT / "tests" / "tls" / "localhost.key").read_text())
    cert.write_text((ROOT / "tests" / "tls" / "localhost.pem").read_text())
    key.chmod(0o644)
    assert "chmod 600" in found(home, web=web)["TLS"].mend
    key.chmod(0o600)
    assert not found(home, web=web)["TLS"].fails
    key.write_text("no key\n")
    assert found(home, web=web)["TLS"].fails


def test_the_key_of_the_pages_is_for_its_owner_alone(home: Home) -> None:
    project.secret_key(home)
    key = home.root / checkup.WEB_KEY
    assert key.exists()
    assert "desk files" not in found(home)
    key.chmod(0o644)
    assert found(home)["desk files"].fails


def test_doctor_asks_it(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    monkeypatch.setenv("KEDGE_HOME", str(home.root))
    (home.root / "kedge.toml").write_text("[web]\nenabled = false\n")
    app.main(["doctor"])
    assert "desk database" in capsys.readouterr().out
