"""Settings, secrets, bots file and home: what is read, what overrides what, and every mistake's sentence."""

from __future__ import annotations

import json
import os
import re
import tomllib
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from pages import check_page

from kedge import home as homes
from kedge import settings, settings_text
from kedge.home import Home, HomeWrong
from kedge.model.limits import LIMIT_NAMES, Limits, or_default
from kedge.settings import Secret, Secrets, Settings, SettingsWrong, files, load, parse, read_bots_file

D = Decimal
NO_ENV: dict[str, str] = {}


def wrong(text: str, tmp_path: Path, environ: dict[str, str] = NO_ENV) -> str:
    path = tmp_path / "kedge.toml"
    path.write_text(text)
    with pytest.raises(SettingsWrong) as error:
        load(path, environ)
    says = str(error.value)
    assert "\n" not in says
    assert says.startswith((str(path), "KEDGE__"))
    return says


def test_no_file_is_a_paper_desk() -> None:
    said = load(Path("/nowhere/kedge.toml"), NO_ENV)
    assert said == Settings()
    assert list(said.accounts) == ["paper/main"]
    assert not said.accounts["paper/main"].live
    assert not said.limits.desk()


def test_a_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "kedge.toml"
    path.write_text(
        """
        [desk]
        name = "Night desk"
        cell = "night"
        [limits]
        order_notional_max = 250_000.50
        collar = 0.02
        [limits.bot]
        orders_per_minute = 30
        [accounts."paper/main"]
        port = 7001
        [accounts."bybit/one"]
        venue = "bybit"
        key = "BYBIT_KEY"
        secret = "BYBIT_SECRET"
        live = true
        limits.daily_loss_max = "1000"
        [gate]
        slow_s = 1.5
        """
    )
    said = load(path, NO_ENV)
    assert said.desk.cell == "night"
    assert said.limits.desk() == Limits(order_notional_max=D("250000.50"), collar=D("0.02"))
    assert said.limits.bot.orders_per_minute == 30
    assert said.accounts["bybit/one"].limits.daily_loss_max == D(1000)
    assert said.gate.slow_s == 1.5


def test_numbers_are_exact(tmp_path: Path) -> None:
    path = tmp_path / "kedge.toml"
    path.write_text("[limits]\ncollar = 0.1\norder_qty_max = 0.1234567890123456789\n")
    said = load(path, NO_ENV)
    assert said.limits.collar == D("0.1")
    assert said.limits.order_qty_max == D("0.1234567890123456789")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[limts]\n", "there is no parameter `limts`; did you mean `limits`?"),
        ("[limits]\ncolar = 1\n", "`limits`: there is no parameter `colar`; did you mean `collar`?"),
        ("[limits]\ncollar = 'much'\n", "`limits.collar` must be a number, like 0.05"),
        ("[limits]\ncollar = -0.1\n", "`collar` must not be negative; 0 means no limit"),
        ("[limits]\ncollar = 2\n", "`collar` is a fraction of the price"),
        ("[limits]\ncollar = nan\n", "is not a finite number"),
        ("[limits]\norder_qty_max = '1e40'\n", "`order_qty_max` is out of range"),
        ("[limits]\norders_per_minute = 1.5\n", "`limits.orders_per_minute` must be a whole number"),
        ("[gate]\nclients_max = 0\n", "`gate.clients_max` must be a whole number, at least 1"),
        ("[log]\nlevel = 'loud'\n", "`log.level` cannot be 'loud'; it must be debug, error, info or warn"),
        ("[desk]\ncell = 'My Cell'\n", "`cell` must be small letters, digits and `-`"),
        ("[accounts.paper]\n", 'accounts."paper": an account is named venue/name'),
        (
            '[accounts."paper/main"]\nprot = 1\n',
            'accounts."paper/main": there is no parameter `prot`; did you mean `port`?',
        ),
        ('[accounts."paper/main"]\nport = 70000\n', "`port` must be a whole number, at most 65535"),
        ('[accounts."paper/main"]\nlive = true\n', "is a paper account; take `live` away"),
        ('[accounts."bybit/a"]\n', "needs `key` and `secret`: the NAMEs of two secrets"),
        ('[accounts."bybit/a"]\nkey = "BYBIT_KEY"\n', "needs `secret` too: the NAME of a secret"),
        ('[accounts."bybit/a"]\nport = 7001\n', "`host` and `port` are for paper accounts, write `url`"),
        ('[accounts."bybit/a"]\nurl = "127.0.0.1"\n', "`url` must be like http://127.0.0.1:8001"),
        ('[accounts."bybit/a"]\nurl = "http://a:1"\nlive = true\n', "`live` and `url` exclude each other"),
        ('[accounts."bybit/a"]\ndemo = true\nlive = true\n', "`live` and `demo` exclude each other"),
        ('[accounts."bybit/a"]\nleverage.BTCUSDT = 0\n', "`leverage` of BTCUSDT must be from 1 to 1000"),
        ('[accounts."paper/main"]\nsecret = "hunter2"\n', "`secret` must be the NAME of a secret"),
        ("accounts = 5\n", "`accounts` must be a table"),
        ("desk = [\n", "is not TOML"),
    ],
)
def test_every_mistake_is_one_sentence_with_its_place(text: str, words: str, tmp_path: Path) -> None:
    assert words in wrong(text, tmp_path)


def test_a_secret_pasted_into_the_settings_is_not_repeated(tmp_path: Path) -> None:
    assert "hunter2" not in wrong('[accounts."paper/main"]\nsecret = "hunter2"\n', tmp_path)


def test_a_file_that_is_not_text_or_not_readable_or_too_large(tmp_path: Path) -> None:
    path = tmp_path / "kedge.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SettingsWrong, match="not UTF-8"):
        load(path, NO_ENV)
    path.write_bytes(b"#" * (files.FILE_BYTES_MAX + 1))
    with pytest.raises(SettingsWrong, match="larger than 4 MB"):
        load(path, NO_ENV)
    with pytest.raises(SettingsWrong, match="cannot be read"):
        load(tmp_path, NO_ENV)


def test_the_environment_overrides_the_file(tmp_path: Path) -> None:
    path = tmp_path / "kedge.toml"
    path.write_text('[limits]\ncollar = 0.02\n[accounts."bybit/one"]\nurl = "http://a:1"\n')
    said = load(
        path,
        {
            "KEDGE__LIMITS__COLLAR": "0.05",
            "KEDGE__LIMITS__BOT__ORDERS_PER_MINUTE": "7",
            "KEDGE__DESK__NAME": "the other desk",
            "KEDGE__ACCOUNTS__BYBIT_ONE__URL": "http://localhost:7001",
            "KEDGE__JOURNAL__ARCHIVE": "false",
            "KEDGE_HOME": "/elsewhere",
        },
    )
    assert said.limits.collar == D("0.05")
    assert said.limits.bot.orders_per_minute == 7
    assert said.desk.name == "the other desk"
    assert said.accounts["bybit/one"].url == "http://localhost:7001"
    assert said.journal.archive is False


def test_the_environment_reaches_the_default_account() -> None:
    said = load(Path("/nowhere"), {"KEDGE__ACCOUNTS__PAPER_MAIN__PORT": "7005"})
    assert said.accounts["paper/main"].port == 7005


@pytest.mark.parametrize(
    ("variable", "words"),
    [
        ("KEDGE__COLLAR", "names no setting; write it like KEDGE__LIMITS__COLLAR"),
        ("KEDGE__LIMITS__COLLR", "did you mean `collar`?"),
        ("KEDGE__DESK__NAME__X", "`name` is no section"),
    ],
)
def test_overrides_that_miss(variable: str, words: str, tmp_path: Path) -> None:
    assert words in wrong("[desk]\nname = 'a'\n", tmp_path, {variable: "1"})


# ── limits ──────────────────────────────────────────────────────────────────────────────────────


def test_limits_have_six_numbers_and_zero_is_none() -> None:
    assert Limits.__struct_fields__ == LIMIT_NAMES
    assert not Limits()
    assert Limits(collar=D("0.01"))
    own, default = Limits(collar=D("0.01")), Limits(collar=D("0.5"), orders_per_minute=3)
    assert or_default(own, default) == Limits(collar=D("0.01"), orders_per_minute=3)


# ── schema and text ─────────────────────────────────────────────────────────────────────────────


def test_the_schema_names_every_setting_and_takes_numbers() -> None:
    made = settings.schema()
    limits = made["$defs"]["Limits"]["properties"]
    assert list(limits) == list(LIMIT_NAMES)
    assert limits["collar"]["type"] == ["number", "string"]
    assert all(one["description"] for one in limits.values())
    json.dumps(made)


def test_settings_as_toml_read_back_the_same(tmp_path: Path) -> None:
    said = parse(
        {
            "limits": {"collar": "0.02", "bot": {"orders_per_minute": 3}},
            "desk": {"name": 'a "b" c'},
            "accounts": {"bybit/one": {"url": "http://localhost:7001", "leverage": {"BTC/USDT": "2.5"}}},
        }
    )
    path = tmp_path / "kedge.toml"
    path.write_text(settings_text.as_toml(said))
    assert load(path, NO_ENV) == said


def test_the_template_is_all_comments_and_right_when_they_are_taken_away(tmp_path: Path) -> None:
    path = tmp_path / "kedge.toml"
    path.write_text(settings_text.template())
    assert load(path, NO_ENV) == Settings()
    lines = path.read_text().splitlines()
    path.write_text("\n".join(line[1:] if re.match(r"#\w+ = ", line) else line for line in lines))
    assert load(path, NO_ENV) == Settings()
    assert tomllib.loads(path.read_text())["gate"]["clients_max"] == Settings().gate.clients_max


def test_every_setting_has_a_meaning() -> None:
    for name, struct in settings_text.sections():
        for entry in settings_text.form(struct):
            assert entry.help, f"[{name}] {entry.name} has no description"


def test_the_reference_page_is_generated_from_the_settings() -> None:
    check_page("settings", settings_text.reference())


# ── secrets ─────────────────────────────────────────────────────────────────────────────────────


def secrets_file(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "secrets.toml"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_secrets_come_from_the_environment_first_and_never_print(tmp_path: Path) -> None:
    path = secrets_file(tmp_path, 'KEY = "file"\nOTHER = "file2"\n')
    kept = Secrets(path, {"KEY": "environment"})
    assert kept.find("KEY", "x").reveal() == "environment"
    assert kept.find("OTHER", "x").reveal() == "file2"
    assert "file2" not in repr(kept)
    assert repr(Secret("hunter2")) == "Secret(***)"
    assert "hunter2" not in f"{Secret('hunter2')}"
    with pytest.raises(
        SettingsWrong, match=r'accounts\."a/b" needs the secret NOPE: set that variable, or add it to'
    ):
        kept.find("NOPE", 'accounts."a/b"')


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604])
def test_secrets_others_can_read_are_refused_with_the_mend(mode: int, tmp_path: Path) -> None:
    path = secrets_file(tmp_path, 'KEY = "x"\n', mode)
    with pytest.raises(SettingsWrong, match=f"can be read by other users; run: chmod 600 {path}"):
        Secrets(path, NO_ENV)


def test_secrets_must_be_text(tmp_path: Path) -> None:
    with pytest.raises(SettingsWrong, match="KEY must be text"):
        Secrets(secrets_file(tmp_path, "KEY = 5\n"), NO_ENV)
    assert Secrets(tmp_path / "none.toml", {"KEY": "x"}).find("KEY", "x").reveal() == "x"


# ── the bots file ───────────────────────────────────────────────────────────────────────────────


def test_bots_from_toml_keep_numbers_as_digits(tmp_path: Path) -> None:
    path = tmp_path / "bots.toml"
    path.write_text(
        '[hedge-1]\nkind = "hedge"\nmarket = "paper/main:BTC-PERP"\nqty = 0.10\nthen = "cross"\n'
        '[mine]\nkind = "my_module:MyBot"\nlevels = [1, 2.50]\n'
    )
    bots = read_bots_file(path)
    assert list(bots) == ["hedge-1", "mine"]
    assert bots["hedge-1"].kind == "hedge"
    assert bytes(bots["hedge-1"].config) == b'{"market":"paper/main:BTC-PERP","qty":0.10,"then":"cross"}'
    assert bytes(bots["mine"].config) == b'{"levels":[1,2.50]}'


def test_bots_from_json_are_the_same(tmp_path: Path) -> None:
    path = tmp_path / "bots.json"
    path.write_text('{"hedge-1": {"kind": "hedge", "qty": 0.10}}')
    assert bytes(read_bots_file(path)["hedge-1"].config) == b'{"qty":0.10}'
    assert read_bots_file(tmp_path / "none.toml") == {}


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("bots.toml", "[a]\nqty = 1\n", "bot a has no `kind`; add kind ="),
        ("bots.toml", "[a]\nkind = 5\n", "`kind` must be text"),
        ("bots.toml", "a = 5\n", "a is not a bot; write a section [a]"),
        ("bots.toml", '["no name"]\nkind = "x"\n', "a bot's name is 1 to 64 letters"),
        ("bots.toml", "[a]\nkind = 'x'\nqty = inf\n", "is not a finite number"),
        ("bots.toml", "[a]\nkind='x'\n[a]\nkind='y'\n", "is not TOML"),
        ("bots.json", "[1]", "the bots file must be a table of names and values, not a list"),
        ("bots.json", "{", "the bots file cannot be read"),
    ],
)
def test_mistakes_in_the_bots_file(name: str, text: str, words: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(SettingsWrong) as error:
        read_bots_file(path)
    assert words in str(error.value)
    assert str(path) in str(error.value)


# ── home ────────────────────────────────────────────────────────────────────────────────────────


def test_where_home_is() -> None:
    assert homes.find("/a", {}).root == Path("/a")
    assert homes.find(None, {"KEDGE_HOME": "/b"}).root == Path("/b")
    assert homes.find(None, {"XDG_STATE_HOME": "/c"}).root == Path("/c/kedge")
    assert homes.find(None, {"XDG_STATE_HOME": "relative"}).root == Path("~/.local/state/kedge").expanduser()
    assert homes.find("rel", {}).root == Path.cwd() / "rel"


def test_home_is_made_private_and_refused_when_it_is_not(tmp_path: Path) -> None:
    home = Home(tmp_path / "deep" / "home")
    home.make()
    assert os.stat(home.root).st_mode & 0o777 == 0o700
    home.make()
    home.root.chmod(0o755)
    with pytest.raises(HomeWrong, match=f"open to other users; run: chmod 700 {home.root}"):
        home.make()


def test_home_that_cannot_be(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(HomeWrong, match="cannot be made"):
        Home(file / "home").make()
    assert "is not a folder" in Home(file).wrong()
    assert "cannot be read" in Home(tmp_path / "none").wrong()


def test_names_in_a_home(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.socket("main").name == "main.sock"
    assert home.bots.name == "bots.toml"
    (tmp_path / "bots.json").write_text("{}")
    assert home.bots.name == "bots.json"
    (tmp_path / "bots.toml").write_text("")
    assert home.bots.name == "bots.toml"
    assert msgspec.structs.astuple(home) == (tmp_path,)
