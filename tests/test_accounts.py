"""Accounts of real venues: what settings name, what has to be confirmed, what must not be driven twice."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path

import pytest

from kedge.home import Home
from kedge.model.exits import Exit, Halt
from kedge.runtime import accounts
from kedge.settings import AccountSettings, Secrets, SettingsWrong, parse
from kedge.venues import registry
from kedge.venues.venue import Setup

LIVE = AccountSettings(venue="bybit", live=True, key="BYBIT_KEY", secret="BYBIT_SECRET")
SETUP = Setup("bybit/main", "the key itself", "the secret itself", live=True)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


def secrets(home: Home, **environ: str) -> Secrets:
    return Secrets(home.secrets, environ)


def test_an_account_becomes_a_setup_with_its_secrets(home: Home) -> None:
    said = parse({"accounts": {"bybit/main": {"key": "K1", "secret": "S1", "leverage": {"BTCUSDT": 3}}}})
    account = said.accounts["bybit/main"]
    assert account.venue == "bybit"
    setup = accounts.setup_of("bybit/main", account, secrets(home, K1="key", S1="secret"))
    assert (setup.key, setup.secret, setup.live, dict(setup.leverage)) == (
        "key",
        "secret",
        False,
        {"BTCUSDT": 3},
    )
    with pytest.raises(SettingsWrong, match=r'accounts."bybit/main" needs the secret S1'):
        accounts.setup_of("bybit/main", account, secrets(home, K1="key"))


def test_a_setup_does_not_print_its_secrets() -> None:
    assert "itself" not in f"{SETUP!r} {SETUP}"


def test_a_simulator_needs_no_key_of_ones_own(home: Home) -> None:
    account = AccountSettings(venue="bybit", url="http://127.0.0.1:8001")
    setup = accounts.setup_of("bybit/main", account, secrets(home))
    assert (setup.key, setup.secret) == ("paper", "paper")


def test_real_money_is_confirmed_once_for_a_key(home: Home) -> None:
    with pytest.raises(Halt, match=r"for the first time from this home.*kedge confirm bybit/main") as halt:
        accounts.check_confirmed(home, "bybit/main", LIVE, SETUP)
    assert halt.value.code is Exit.SETTINGS
    accounts.confirm(home, "bybit/main", LIVE, SETUP, "ann", 1)
    accounts.confirm(home, "bybit/other", LIVE, SETUP, "ann", 2)
    accounts.check_confirmed(home, "bybit/main", LIVE, SETUP)
    with pytest.raises(Halt, match="another key or venue than was confirmed"):
        accounts.check_confirmed(home, "bybit/main", LIVE, Setup("bybit/main", "another", "", live=True))
    path = home.root / "confirmed.json"
    assert "itself" not in path.read_text()
    assert os.stat(path).st_mode & 0o077 == 0


def test_a_spoilt_confirmation_is_said_and_nothing_is_assumed(home: Home) -> None:
    (home.root / "confirmed.json").write_text("[1]")
    with pytest.raises(Halt, match="cannot be read; remove it, and confirm your accounts again"):
        accounts.check_confirmed(home, "bybit/main", LIVE, SETUP)


def test_one_key_is_one_account_whatever_it_is_called() -> None:
    first = accounts.lock_key("bybit/main", LIVE, SETUP)
    assert first == accounts.lock_key("bybit/other", LIVE, SETUP)
    assert "itself" not in first
    other = Setup("bybit/main", "another key", "", live=True)
    assert first != accounts.lock_key("bybit/main", LIVE, other)
    test = AccountSettings(venue="bybit", key="BYBIT_KEY", secret="BYBIT_SECRET")
    assert first != accounts.lock_key("bybit/main", test, SETUP)


def test_an_unknown_venue_is_refused_with_the_nearest() -> None:
    says = registry.find("bibyt")
    assert isinstance(says, str)
    assert says.startswith("there is no venue 'bibyt'; did you mean bybit? There are: paper, bybit,")


@pytest.mark.parametrize("name", list(registry.VENUES))
def test_every_venue_of_the_registry_can_be_made(name: str) -> None:
    entry = registry.find(name)
    assert isinstance(entry, registry.Entry)
    assert entry.make() is not None
    assert registry.rules_of(entry).venue == name


# ── what `kedge doctor` says of them ────────────────────────────────────────────────────────────


def findings(
    home: Home, text: str, monkeypatch: pytest.MonkeyPatch, **environ: str
) -> list[accounts.Finding]:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    return list(accounts.examine(home, parse(tomllib.loads(text))))


def test_an_account_that_is_fit_says_where_it_trades(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    try_ = '[accounts."bybit/try"]\nurl = "http://127.0.0.1:8001"\n'
    test = '[accounts."binance/test"]\nkey = "MY_KEY"\nsecret = "MY_SECRET"\n'
    demo = '[accounts."bybit/demo"]\ndemo = true\nkey = "MY_KEY"\nsecret = "MY_SECRET"\n'
    found = findings(home, try_ + test + demo, monkeypatch, MY_KEY="k", MY_SECRET="s")
    assert [one.says for one in found] == [
        "bybit at http://127.0.0.1:8001; no real money",
        "binance at its test network; no real money",
        "bybit at its demo; no real money",
    ]
    assert not any(one.mend or one.fails for one in found)


def test_real_money_is_told_before_it_is_traded(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    live = '[accounts."bybit/main"]\nlive = true\nkey = "MY_KEY"\nsecret = "MY_SECRET"\n'
    (found,) = findings(home, live, monkeypatch, MY_KEY="k", MY_SECRET="s")
    assert "would trade real money at bybit" in found.says
    assert found.mend == "kedge confirm bybit/main"
    account = parse(tomllib.loads(live)).accounts["bybit/main"]
    setup = accounts.setup_of("bybit/main", account, secrets(home, MY_KEY="k", MY_SECRET="s"))
    accounts.confirm(home, "bybit/main", account, setup, "ann", 1)
    (found,) = findings(home, live, monkeypatch)
    assert (found.says, found.mend) == ("REAL MONEY at bybit", "")


def test_what_is_missing_is_a_failure_with_its_mend(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = 'key = "MY_KEY"\nsecret = "NO_SUCH"\n'
    typo = f'[accounts."bibit/main"]\n{keys}'
    (found,) = findings(home, typo, monkeypatch, MY_KEY="k")
    assert found.fails
    assert "did you mean bybit?" in found.says
    (found,) = findings(home, f'[accounts."bybit/main"]\n{keys}', monkeypatch)
    assert found.fails
    assert "needs the secret NO_SUCH" in found.says


def test_ccxt_that_is_not_installed_is_said_with_the_way_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    said = "ccxt-kraken needs ccxt, which is not installed: pip install kedge[ccxt]"
    assert accounts.maker_of("ccxt-kraken") == said
