"""`kedge up` at the local testnets, what works, and what a person is told where it does not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from house import eventually
from test_up import Desk, bot

from kedge import client
from kedge.model.looks import Status


class Sim:
    """A testnet in a process of its own; it may be killed, and started again at the same doors."""

    def __init__(self, venue: str, folder: Path) -> None:
        self.venue = venue
        self.port = self.control_port = 0
        self._state = folder / f"{venue}.db"
        self._process: subprocess.Popen[str] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        words = ["sim", self.venue, "--port", str(self.port), "--control-port", str(self.control_port)]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "kedge.cli", *words, "--state", str(self._state)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        self.port, self.control_port = ready["port"], ready["control_port"]

    def ask(self, what: str, **args: Any) -> Any:
        url = f"http://127.0.0.1:{self.control_port}/{what}"
        with urllib.request.urlopen(url, json.dumps(args).encode(), timeout=30) as reply:
            said = json.loads(reply.read())
        assert said["ok"], said
        return said

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="kv-") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def bybit(folder: Path) -> Iterator[Sim]:
    sim = Sim("bybit", folder)
    sim.start()
    yield sim
    sim.kill()


@pytest.fixture(scope="module")
def binance(folder: Path) -> Iterator[Sim]:
    sim = Sim("binance", folder)
    sim.start()
    yield sim
    sim.kill()


@pytest.fixture
def desk() -> Iterator[Desk]:
    with tempfile.TemporaryDirectory(prefix="ku-") as name:
        made = Desk(Path(name))
        yield made
        if made.process is not None and made.process.poll() is None:
            made.process.kill()
            made.process.wait()


def below(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made


def write(desk: Desk, settings: str, bots: str = "", **secrets: str) -> None:
    (desk.home / "kedge.toml").write_text(settings)
    (desk.home / "bots.toml").write_text(bots)
    path = desk.home / "secrets.toml"
    path.write_text("".join(f'{name} = "{value}"\n' for name, value in secrets.items()))
    path.chmod(0o600)


def account(name: str, sim: Sim, key: str = "", secret: str = "", more: str = "") -> str:
    lines = [f'[accounts."{name}"]', f'url = "{sim.url}"', more]
    if key:
        lines += [f'key = "{key}"', f'secret = "{secret}"']
    return "\n".join(lines) + "\n"


def run(desk: Desk, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(desk.command(*words), env=desk.environ, capture_output=True, text=True, timeout=120)


def come(desk: Desk, holds: Any, what: str) -> Status:
    """The status once it is so."""
    last: list[Status] = []

    def look() -> bool:
        assert desk.process is not None
        assert desk.process.poll() is None, desk.said()
        try:
            last[:] = [desk.status()]
        except client.DeskAway:
            return False
        return bool(holds(last[0]))

    eventually(look, what)
    return last[0]


# ── what works ──────────────────────────────────────────────────────────────────────────────────

BOTS = """
[hedge-1]
kind = "hedge"
market = "bybit/hedge:BTCUSDT"
qty = 0.05

[peg-1]
kind = "peg"
market = "binance/try:BTCUSDT"
side = "buy"
qty = 0.3

[pair-1]
kind = "pair"
far = "bybit/try:BTCUSDT"
near = "binance-usdm/try:BTCUSDT"
side = "sell"
qty = 0.4
"""


def test_a_desk_across_two_venues_and_two_deaths(desk: Desk, bybit: Sim, binance: Sim) -> None:
    bybit.ask("key", key="hedge-key", secret="hedge-secret", account="hedge")
    settings = (
        account("bybit/try", bybit)
        + account("bybit/hedge", bybit, "HEDGE_KEY", "HEDGE_SECRET", "leverage = { BTCUSDT = 3 }")
        + account("binance/try", binance)
        + account("binance-usdm/try", binance)
    )
    write(desk, settings, BOTS, HEDGE_KEY="hedge-key", HEDGE_SECRET="hedge-secret")
    desk.start()
    desk.until("pair-1 is running")
    done = come(desk, worked, "the bots' work")
    assert f"bybit/try: bybit at {bybit.url}; no real money" in desk.said()
    assert "left open: -0.4 bybit/try:BTCUSDT, 0.4 binance-usdm/try:BTCUSDT" in bot(done, "pair-1").why

    desk.process.kill()  # type: ignore[union-attr]
    desk.process.wait()  # type: ignore[union-attr]
    bybit.kill()
    desk.start()
    desk.until("not connected: private line: the venue does not tell the time: nobody listens at 127.0.0.1")
    come(desk, lambda s: sum(one.ready for one in s.accounts) == 2, "the other venue")
    bybit.start()
    again = come(
        desk, lambda s: all(one.ready for one in s.accounts) and worked(s), "the venue that came back"
    )
    for name in ("hedge-1", "peg-1", "pair-1"):
        assert bot(again, name).slots == bot(done, name).slots, "nothing is traded or booked twice"
    assert again.needs == ()
    assert desk.end() == 0


def worked(status: Status) -> bool:
    phases = {one.bot: one for one in status.bots}
    if len(phases) < 3 or phases["hedge-1"].last_word != "open: 0.05 of 0.05":
        return False
    return phases["pair-1"].phase == "stopped" and phases["peg-1"].phase == "stopped"


def test_a_desk_may_be_there_before_its_venue(desk: Desk, folder: Path) -> None:
    sim = Sim("bybit", below(folder, "late"))
    sim.start()
    sim.kill()
    peg = '[peg]\nkind = "peg"\nmarket = "bybit/a:ETHUSD"\nside = "buy"\nqty = 10\n'
    typo = '[typo]\nkind = "peg"\nmarket = "bybit/a:ETHUSTD"\nside = "buy"\nqty = 0.1\n'
    write(desk, account("bybit/a", sim), peg + typo)
    desk.start()
    desk.until(f"nobody listens at 127.0.0.1:{sim.port}")
    desk.until("typo is running")  # nobody can say yet that there is no such symbol
    sim.start()
    try:
        status = come(desk, lambda s: bot(s, "peg").phase == "stopped" and s.needs, "the peg's work")
        said = "bybit/a does not list 'ETHUSTD'; did you mean ETHUSD?"
        assert status.needs == (f"typo: {said}",)
        assert desk.said().count(said) == 1
    finally:
        sim.kill()


# ── what a person has to mend ───────────────────────────────────────────────────────────────────

WRONG = (
    # account, key, secret, what the venue was told of the key, what a person reads
    ("bybit/nokey", "nobody", "s", None, "the key is not known here: live, testnet and demo have keys of"),
    ("bybit/secret", "paper", "wrong", None, "the secret is not the one that belongs to the key"),
    ("bybit/ip", "by-ip", "s", {"ips": ["10.1.2.3"]}, "this machine's address is not among those the key is"),
    ("bybit/reads", "by-ro", "s", {"trades": False}, "the key may only read: give it the right to trade"),
    ("bybit/takes", "by-wd", "s", {"withdraws": True}, "the key may withdraw: a key without that right is"),
    ("binance/nokey", "nobody", "s", None, "check that it is of this network (live or testnet)"),
    ("binance/secret", "paper", "wrong", None, "the secret does not belong to the key"),
    ("binance/ip", "bi-ip", "s", {"ips": ["10.1.2.3"]}, "that this machine's address is on its list"),
    ("binance/reads", "bi-ro", "s", {"trades": False}, "that it may trade here"),
    ("binance-usdm/nokey", "nobody", "s", None, "check that it is of this network (live or testnet)"),
    ("binance-usdm/secret", "paper", "wrong", None, "the secret does not belong to the key"),
    ("binance-usdm/ip", "bi-ip", "s", {"ips": ["10.1.2.3"]}, "that this machine's address is on its list"),
    ("binance-usdm/reads", "bi-ro", "s", {"trades": False}, "that it may trade here"),
)


def test_each_wrong_key_has_its_sentence(desk: Desk, bybit: Sim, binance: Sim) -> None:
    settings, bots = "", ""
    secrets: dict[str, str] = {}
    for number, (name, key, secret, rights, _) in enumerate(WRONG):
        sim = bybit if name.startswith("bybit") else binance
        if rights is not None:
            sim.ask("key", key=key, secret=secret, account=key, **rights)
        settings += account(name, sim, f"KEY_{number}", f"SECRET_{number}")
        secrets |= {f"KEY_{number}": key, f"SECRET_{number}": secret}
        if name.endswith("reads"):
            label = name.replace("/", "-")
            bots += f'[{label}]\nkind = "peg"\nmarket = "{name}:ETHUSDT"\nside = "buy"\nqty = 0.1\n'
    write(desk, settings, bots, **secrets)
    desk.start()
    status = come(
        desk,
        lambda s: all(any(says in need for need in of(s, name)) for name, *_, says in WRONG),
        "all of it",
    )
    for name, *_, says in WRONG:
        assert len(of(status, name)) == 1, "one sentence for each"
        assert says in desk.said(), "and in the terminal, too"
    for name in ("bybit-reads", "binance-reads", "binance-usdm-reads"):
        assert bot(status, name).slots == () or not bot(status, name).slots[0].bought
    said = desk.said()
    assert not any(secret in said for secret in ("wrong\n", "nobody"))


def of(status: Status, name: str) -> list[str]:
    return [need for need in status.needs if need.startswith((f"{name} ", f"{name}:"))]


def test_a_right_that_was_given_is_taken_up_by_reconnect(desk: Desk, bybit: Sim) -> None:
    bybit.ask("key", key="later", secret="s", account="later", trades=False)
    settings = account("bybit/later", bybit, "LATER_KEY", "LATER_SECRET")
    write(desk, settings, LATER_KEY="later", LATER_SECRET="s")
    desk.start()
    come(desk, lambda s: any("may only read" in need for need in s.needs), "the oddity")
    bybit.ask("key", key="later", secret="s", account="later", trades=True)
    assert "trying bybit/later now" in run(desk, "reconnect", "bybit/later").stdout
    come(desk, lambda s: s.needs == () and s.accounts[0].ready, "a clean slate")


def test_a_venue_whose_clock_is_far_ahead_is_not_traded_with(desk: Desk, folder: Path) -> None:
    sim = Sim("bybit", below(folder, "clock"))
    sim.start()
    try:
        sim.ask("clock", advance_ns=300 * 10**9)
        write(desk, account("bybit/a", sim))
        desk.start()
        desk.until(
            "s ahead of ours, so it may refuse requests as too late: set this machine's clock by a time"
        )
        assert not desk.status().accounts[0].up
    finally:
        sim.kill()


def test_maintenance_is_waited_for(desk: Desk, folder: Path) -> None:
    sim = Sim("binance", below(folder, "mend"))
    sim.start()
    try:
        away = {"kind": "error", "status": 503, "body": "<html>", "deed": False, "count": 0, "path": "/"}
        sim.ask("fault", fault=away)
        write(desk, account("binance/a", sim) + account("binance-usdm/a", sim))
        desk.start()
        desk.until("binance/a: not connected: private line: the venue is out of service (HTTP 503)")
        sim.ask("clear")
        come(desk, lambda s: all(one.ready for one in s.accounts), "the end of it")
    finally:
        sim.kill()


def test_real_money_is_never_traded_by_accident(desk: Desk) -> None:
    live = '[accounts."bybit/main"]\nlive = true\nkey = "MY_KEY"\nsecret = "MY_SECRET"\n'
    write(desk, live, MY_KEY="k", MY_SECRET="s")
    refused = run(desk, "up", "--for", "1s")
    assert refused.returncode == 7
    assert "bybit/main would trade real money at bybit for the first time" in refused.stderr
    assert "kedge confirm bybit/main" in refused.stderr
    write(desk, live + 'url = "http://127.0.0.1:1"\n', MY_KEY="k", MY_SECRET="s")
    assert "`live` and `url` exclude each other" in run(desk, "up", "--for", "1s").stderr


def test_a_terminal_that_is_gone_holds_up_nothing(desk: Desk, bybit: Sim) -> None:
    peg = '[peg]\nkind = "peg"\nmarket = "bybit/a:SOLUSDT"\nside = "buy"\nqty = 1\n'
    write(desk, account("bybit/a", bybit), peg)
    reader, writer = os.pipe()
    os.close(reader)
    desk.process = subprocess.Popen(
        desk.command("up", "--no-desk", "--for", "300s"),
        env=desk.environ,
        stdout=writer,
        stderr=subprocess.DEVNULL,
    )
    os.close(writer)
    eventually(lambda: (desk.home / "main.sock").exists(), "the gate")
    come(desk, lambda s: any(one.phase == "stopped" for one in s.bots), "the peg's work")
