"""Where the client looks for a desk: an address, a home, a variable, the settings; and never by accident."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kedge import client
from kedge.client import FarGate, Refused
from kedge.home import Home
from kedge.settings import SettingsWrong

TOKEN = "t" * 32
FAR = "tls://trade.example.org:8322"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    for name in ("KEDGE_GATE", "KEDGE_GATE_CA", "KEDGE_GATE_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KEDGE_HOME", str(tmp_path))
    return Home(tmp_path)


def write(path: Path, text: str) -> None:
    path.write_text(text)
    os.chmod(path, 0o600)


def test_without_more_it_is_the_homes_own_socket(home: Home) -> None:
    assert client.gate_at(None) == home.root / "main.sock"
    assert client.gate_at(home.root) == home.root / "main.sock"
    assert client.gate_at("/x/y.sock") == Path("/x/y.sock")


def test_the_settings_name_the_gate_and_the_secret_that_opens_it(home: Home) -> None:
    write(home.settings, f'[desk]\ngate = "{FAR}"\ngate_token = "MY_TOKEN"\ngate_ca = "/etc/ca.pem"\n')
    with pytest.raises(SettingsWrong, match="needs the secret MY_TOKEN"):
        client.gate_at(None)
    write(home.secrets, f'MY_TOKEN = "{TOKEN}"\n')
    found = client.gate_at(None)
    assert found == FarGate("trade.example.org", 8322, TOKEN, True, "/etc/ca.pem")
    assert TOKEN not in f"{found!r} {found}"
    assert str(found) == FAR


def test_a_variable_names_it_unless_the_home_was_named(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE_GATE", "tcp://127.0.0.1:9")
    monkeypatch.setenv("KEDGE_GATE_TOKEN", TOKEN)
    assert client.gate_at(None) == FarGate("127.0.0.1", 9, TOKEN, tls=False)
    assert client.gate_at(home.root) == home.root / "main.sock"
    assert client.gate_at("tls://[::1]:9") == FarGate("::1", 9, TOKEN)
    assert str(client.gate_at("tls://[::1]:9")) == "tls://[::1]:9"


def test_wrong_settings_do_not_stand_before_the_kill_switch(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(home.settings, "[dask]\n")
    (home.root / "two.sock").touch()
    assert client.gate_at(None) == home.root / "two.sock"
    monkeypatch.setenv("KEDGE_GATE_TOKEN", TOKEN)
    assert client.gate_of(home, FAR) == FarGate("trade.example.org", 8322, TOKEN)


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("tcp://trade.example.org:8322", "do not travel in the clear"),
        ("tls://trade.example.org", "write it like"),
        ("tls://trade.example.org:99999", "write it like"),
        ("tls://ann@trade.example.org:8322", "write it like"),
        ("tls://trade.example.org:8322/x", "write it like"),
    ],
)
def test_what_is_no_gate_is_refused(address: str, words: str) -> None:
    with pytest.raises(Refused, match=words) as refused:
        client.far_gate(address, TOKEN)
    assert TOKEN not in str(refused.value)


def test_a_token_goes_with_an_address_and_an_address_with_a_token(home: Home) -> None:
    with pytest.raises(Refused, match="asks for a token"):
        client.connect(FAR)
    with pytest.raises(Refused, match="a token goes with an address"):
        client.connect("/x/y.sock", token=TOKEN)
