"""The doctor: every finding with its mend, on folders and journals made for it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_port import NOW, FakePort, a_journal, desk_in_a_thread, short_folder
from gate_kit import ADMIN, LOOK, SECRETS, TOKENS, far_desk_in_a_thread, write_pair

from kedge import cli, doctor
from kedge.doctor import Finding, examine, passed
from kedge.home import Home
from kedge.journal.lease import FileLock
from kedge.journal.store import file_of, lease_of
from kedge.settings import GateSettings

NO_ENV: dict[str, str] = {}


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    made.make()
    return made


def about(found: list[Finding], what: str) -> Finding:
    return next(finding for finding in found if finding.about == what)


def test_a_healthy_home(home: Home) -> None:
    found = examine(home, NO_ENV)
    assert passed(found)
    for what in (
        "python",
        "sqlite",
        "msgspec",
        "home",
        "settings",
        "secrets",
        "bots file",
        "clock",
        "journal",
    ):
        assert about(found, what).level == "ok", what
    for what in ("disk space", "file system", "disk sync", "time service", "uvloop"):
        assert about(found, what).says
    assert all(finding.mend for finding in found if finding.level != "ok")
    assert list(home.root.iterdir()) == [], "the doctor leaves nothing behind"


def test_a_home_that_is_not_there_yet_is_no_fault(tmp_path: Path) -> None:
    found = examine(Home(tmp_path / "none"), NO_ENV)
    assert about(found, "home") == Finding(
        "home", "warn", f"{tmp_path}/none is not there yet", "kedge up makes it"
    )
    assert passed(found)


def test_rights(home: Home) -> None:
    home.root.chmod(0o750)
    home.bots_folder.mkdir()
    home.bots_folder.chmod(0o777)
    home.secrets.write_text('KEY = "x"\n')
    home.secrets.chmod(0o644)
    found = examine(home, NO_ENV)
    assert about(found, "home").mend == f"chmod 700 {home.root}"
    assert about(found, "bots folder").mend == f"chmod go-w {home.bots_folder}"
    assert about(found, "secrets").mend == f"chmod 600 {home.secrets}"
    assert not passed(found)


def test_settings_secrets_and_bots_files(home: Home) -> None:
    home.settings.write_text(
        '[accounts."bybit/a"]\nvenue = "bybit"\nlive = true\nkey = "KEY"\nsecret = "SECRET"\n'
    )
    home.bots.write_text("[a]\nqty = 1\n")
    found = examine(home, NO_ENV)
    assert "needs the secret KEY" in about(found, "secrets").says
    assert "bot a has no `kind`" in about(found, "bots file").says
    assert about(examine(home, {"KEY": "x", "SECRET": "y"}), "secrets").level == "ok"
    home.settings.write_text("[limts]\n")
    assert "did you mean `limits`" in about(examine(home, NO_ENV), "settings").says


def test_the_journal_at_rest(home: Home) -> None:
    a_journal(home.root)
    found = examine(home, NO_ENV)
    assert about(found, "lease").says == "free: no desk is running here"
    assert about(found, "journal").says == "5 records, every check passed (0 archives)"
    path = file_of(home.root, "main")
    path.write_bytes(path.read_bytes().replace(b"it is late", b"it is fine"))
    found = examine(home, NO_ENV)
    assert about(found, "journal").level == "fail"


def test_a_lease_that_is_held_by_someone_who_does_not_answer(home: Home) -> None:
    a_journal(home.root)
    lock = FileLock.take(lease_of(home.root, "main"), "the cell main", NOW)
    try:
        finding = about(examine(home, NO_ENV), "lease")
    finally:
        lock.release()
    assert finding.level == "fail"
    assert "does not answer at the gate" in finding.says


def test_a_running_desk_says_what_it_needs() -> None:
    with short_folder() as folder:
        home = Home(folder)
        with desk_in_a_thread(FakePort(), home.socket("main")):
            found = [finding for finding in examine(home, NO_ENV) if finding.about == "desk"]
    assert found[0].says == "running, life 3, journal at 420"
    assert found[1] == Finding("desk", "warn", "bot peg-1 is parked: fault: KeyError", "kedge status")


def test_the_disk(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    class Usage:
        free = 5

    monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _: Usage)
    found = list(doctor._disk(home.root))
    assert about(found, "disk space").level == "fail"
    Usage.free = doctor.FREE_BYTES_LEAST + 1
    assert about(list(doctor._disk(home.root)), "disk space").level == "warn"


@pytest.mark.parametrize(("nanoseconds", "level"), [(1, "warn"), (1_000_000, "ok"), (50_000_000, "warn")])
def test_how_fast_a_sync_may_be(
    nanoseconds: int, level: str, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor, "measure_sync", lambda root: [nanoseconds] * 3)
    assert doctor._sync(home.root).level == level


def test_syncs_are_measured_and_a_disk_that_cannot_be_written_is_told(home: Home) -> None:
    ticks = iter(range(10_000))
    assert doctor.measure_sync(home.root, lambda: next(ticks)) == [1] * doctor.SYNCS
    finding = doctor._sync(home.root / "none")
    assert (finding.level, "nothing can be written" in finding.says) == ("fail", True)


@pytest.mark.parametrize(
    ("kind", "level"), [("ext4", "ok"), ("tmpfs", "warn"), ("nfs4", "fail"), ("9p", "fail")]
)
def test_file_systems(kind: str, level: str, home: Home, tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    mounts.write_text(
        f"root / overlay rw 0 0\nx {home.root.resolve()} {kind} rw 0 0\ny /proc proc rw\nbroken\n"
    )
    assert doctor._file_system(home.root, mounts).level == level
    assert doctor._file_system(home.root, tmp_path / "none").level == "ok"


def test_clocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "CLOCK_PROBE_S", 0)
    assert about(list(doctor._clock()), "clock").level == "ok"
    walls = iter([doctor.EARLIEST_NS + 1, doctor.EARLIEST_NS + 60_000_000_000])
    monkeypatch.setattr(doctor.time, "time_ns", lambda: next(walls))
    finding = about(list(doctor._clock()), "clock")
    assert (finding.level, "moved 6" in finding.says or "moved 5" in finding.says) == ("fail", True)
    monkeypatch.setattr(doctor.time, "time_ns", lambda: 0)
    assert [finding.level for finding in doctor._clock()] == ["fail"]


def test_the_command(home: Home, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEDGE__WEB__PORT", "0")  # somebody else may have the usual one
    assert cli.main(["doctor", "--home", str(home.root)]) == 0
    assert "steady clock agree" in " ".join(capsys.readouterr().out.split())
    home.root.chmod(0o777)
    assert cli.main(["doctor", "--home", str(home.root), "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is False
    assert {"about", "level", "says", "mend"} == set(said["findings"][0])


def test_importing_this_leaves_no_loop_behind() -> None:
    with pytest.raises(RuntimeError):
        asyncio.get_running_loop()


# ── the gate for other machines ─────────────────────────────────────────────────────────────────


@contextlib.contextmanager
def an_engine_from_afar(root: Path) -> Iterator[Home]:
    """A home whose engine listens by TLS, with its settings and secrets as a person writes them."""
    with far_desk_in_a_thread(FakePort(), root) as address:
        home = Home(root / "home")
        home.make()
        cert, key = root / "gate.pem", root / "gate.key"
        listen = address.partition("//")[2]
        lines = ["[gate]", f'listen = "{listen}"', f'cert = "{cert}"', f'key = "{key}"']
        for token in TOKENS:
            lines += ["[[gate.tokens]]", f'name = "{token.name}"', f'secret = "{token.secret}"']
        home.settings.write_text("\n".join(lines))
        home.secrets.write_text("".join(f'{name} = "{value}"\n' for name, value in SECRETS.items()))
        home.secrets.chmod(0o600)
        yield home


def test_the_engines_side_of_a_gate_for_other_machines(tmp_path: Path) -> None:
    with an_engine_from_afar(tmp_path) as home:
        found = examine(home, NO_ENV)
        assert about(found, "gate tokens").level == "ok", about(found, "gate tokens")
        assert "knows every token (3)" in about(found, "gate tokens").says
        assert "is good until" in about(found, "gate certificate").says
        home.secrets.write_text("".join(f'{name} = "{value[::-1]}x"\n' for name, value in SECRETS.items()))
        found = examine(home, NO_ENV)
        assert "does not let in board, robot, pages" in about(found, "gate tokens").says
        home.secrets.write_text(f'GATE_LOOK = "{LOOK}"\n')
        found = examine(home, NO_ENV)
        assert "needs the secret GATE_TRADE" in about(found, "gate tokens").says
        assert not any(token in str(found) for token in SECRETS.values())
        home.secrets.write_text("".join(f'{name} = "{value}"\n' for name, value in SECRETS.items()))
    found = examine(home, NO_ENV)
    assert "nobody answers" in about(found, "gate").says
    (tmp_path / "gate.key").write_text("no key")
    assert about(examine(home, NO_ENV), "gate certificate").level == "fail"


def test_a_certificate_that_ends_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cert, key = write_pair(tmp_path)
    chosen = GateSettings(listen="127.0.0.1:0", cert=cert, key=key, tokens=TOKENS)
    assert doctor._certificate(chosen).level == "ok"
    monkeypatch.setattr(doctor, "CERTIFICATE_DAYS", 60)
    assert doctor._certificate(chosen).level == "warn"
    later = time.time() + 90 * 86_400
    monkeypatch.setattr(time, "time", lambda: later)
    assert "has ended" in doctor._certificate(chosen).says


def test_the_desks_side_of_a_gate_on_another_machine(tmp_path: Path) -> None:
    with far_desk_in_a_thread(FakePort(), tmp_path) as address:
        home = Home(tmp_path / "desk")
        home.make()
        ca = tmp_path / "gate.pem"
        home.settings.write_text(f'[desk]\ngate = "{address}"\ngate_ca = "{ca}"\n')
        env = {"KEDGE_GATE_TOKEN": ADMIN}
        found = [one for one in examine(home, env) if one.about == "desk"]
        assert found[0].says == f"running at {address}, life 3, journal at 420"
        assert found[1].level == "warn", "what the desk needs is told too"
        assert not any(one.about == "journal" for one in examine(home, env)), "it is not on this machine"
        wrong = about(examine(home, {"KEDGE_GATE_TOKEN": "x" * 32}), "desk")
        assert (wrong.level, wrong.mend[:9]) == ("fail", "see `gate")
        assert "does not know this token" in wrong.says
        assert "needs the secret KEDGE_GATE_TOKEN" in about(examine(home, NO_ENV), "desk").says
        home.settings.write_text(f'[desk]\ngate = "{address}"\n')
        assert "not trusted" in about(examine(home, env), "desk").says
        home.settings.write_text(f'[desk]\ngate = "{address}"\ngate_ca = "{ca}"\n')
    gone = about(examine(home, env), "desk")
    assert (gone.level, "no desk answers" in gone.says) == ("fail", True)
