"""The gate by TCP: TLS, tokens with roles, and strangers who say what they like, as long as they like."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from fake_port import AwayPort, FakePort, a_status
from gate_kit import (
    ADMIN,
    LOOK,
    SECRETS,
    TOKENS,
    TRADE,
    a_far_gate,
    knock,
    pair,
    port_of,
    secrets_of,
    to_the_end,
    trusting,
    write_pair,
)
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from kedge import client
from kedge.client import DeskAway, Refused
from kedge.model import frames
from kedge.model.commands import ADMIN_VERBS, VERBS, covers, role_of
from kedge.runtime import gate_tcp
from kedge.runtime.gate import Guest
from kedge.runtime.gate_tcp import FIRST_LINE_MAX, TcpGate, keys_of
from kedge.runtime.gate_tokens import digest_of
from kedge.runtime.gate_unix import GateShut
from kedge.settings import GateSettings, Secrets, SettingsWrong, TokenSettings, parse

ID = "0123456789abcdef"


class UsageWrong(Exception):
    """The gate let it pass, and its arguments were not right."""


async def command(desk: client.Desk, verb: str, args: dict[str, str]) -> None:
    try:
        await desk.command(verb, **args)
    except Refused as refused:
        if refused.fault == "usage":
            raise UsageWrong from None
        raise


Body = Callable[[TcpGate, Path], Coroutine[Any, Any, None]]


def at_a_far_gate(tmp_path: Path, body: Body, port: FakePort | None = None, **more: Any) -> FakePort:
    port = port or FakePort()

    async def run() -> None:
        async with a_far_gate(port, tmp_path, **more) as gate:
            await body(gate, tmp_path)

    asyncio.run(run())
    return port


def hello(token: str, via: str = "test", protocol: int = frames.PROTOCOL) -> bytes:
    return json.dumps({"type": "Hello", "protocol": protocol, "via": via, "token": token}).encode() + b"\n"


# ── who comes in ────────────────────────────────────────────────────────────────────────────────


def test_the_whole_round_over_tls(tmp_path: Path) -> None:
    port = FakePort()
    port.rows = {"orders": [{"client_id": "c"}]}

    async def body(gate: TcpGate, folder: Path) -> None:
        assert gate.address.startswith("tls://127.0.0.1:")
        ca = str(folder / "gate.pem")
        async with client.connect(gate.address, token=ADMIN, ca=ca, via="web", of="ann") as desk:
            taken = await desk.command("desk.kill", why="lunch")
            assert (taken.actor, taken.via) == ("pages:ann", "web")
            assert await desk.status() == a_status()
            assert await desk.orders(bot="b") == [{"client_id": "c"}]
            assert [entry.seq async for entry in desk.tail(after=3)] == [4, 5]

    at_a_far_gate(tmp_path, body, port)


def test_a_token_may_do_what_its_role_may_and_no_more(tmp_path: Path) -> None:
    """Every verb, every role: refused here, whatever the engine would have said."""
    made = {"look": LOOK, "trade": TRADE, "admin": ADMIN}
    port = FakePort()

    async def body(gate: TcpGate, folder: Path) -> None:
        for role, token in made.items():
            async with client.connect(gate.address, token=token, ca=str(folder / "gate.pem")) as desk:
                await desk.status()
                await desk.ping()
                for verb in VERBS:
                    args = {name: "x" for name in VERBS[verb].__struct_fields__ if name in ("name", "target")}
                    if covers(role, role_of(verb)):  # type: ignore[arg-type]
                        with contextlib.suppress(UsageWrong):
                            await command(desk, verb, args)
                    else:
                        with pytest.raises(Refused, match=f"{verb} takes the role {role_of(verb)}"):
                            await desk.command(verb, **args)

    at_a_far_gate(tmp_path, body, port)
    assert {command.verb for command in port.commands if command.actor == "board"} == set()
    assert not {c.verb for c in port.commands if c.actor == "robot"} & set(ADMIN_VERBS)


@pytest.mark.parametrize(
    ("line", "fault", "words"),
    [
        (hello(""), "denied", "none was shown"),
        (hello("x" * 32), "denied", "does not know this token"),
        (hello(ADMIN[:-1]), "denied", "does not know this token"),
        (hello(ADMIN, via="schedule"), "denied", "the desk's own"),
        (hello(ADMIN, protocol=9), "protocol", "speaks protocol 1"),
        (hello("x" * 600), "malformed", "token"),
        (b"GET / HTTP/1.1\r\n", "malformed", "the first line must be a Hello"),
        (b"x" * (FIRST_LINE_MAX + 1) + b"\n", "malformed", "at most 2048 bytes"),
        (b"x" * (frames.REQUEST_BYTES_MAX + 9), "malformed", "at most 2048 bytes"),
    ],
)
def test_strangers_are_told_once_and_left(tmp_path: Path, line: bytes, fault: str, words: str) -> None:
    warned: list[str] = []

    async def body(gate: TcpGate, folder: Path) -> None:
        reader, writer = await knock(gate, folder)
        writer.write(line)
        said = [json.loads(one) for one in (await to_the_end(reader)).splitlines()]
        writer.close()
        assert [one["fault"] for one in said] == [fault]
        assert words in said[0]["says"]
        assert ADMIN not in said[0]["says"]

    at_a_far_gate(tmp_path, body, warned=warned)
    assert "1 callers were turned away" in warned[0]
    assert not any(token in warned[0] for token in SECRETS.values())


def test_who_says_nothing_or_shakes_no_hands_is_left(tmp_path: Path) -> None:
    async def body(gate: TcpGate, folder: Path) -> None:
        silent, first = await knock(gate, folder)
        mute, second = await knock(gate, None)  # TCP, and no TLS
        assert b'"protocol"' in await to_the_end(silent)
        assert await to_the_end(mute) == b""
        first.close()
        second.close()

    at_a_far_gate(tmp_path, body, hello_s=0.2)


def test_strangers_are_bounded_and_hold_up_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gate_tcp, "STRANGERS_MAX", 2)
    warned: list[str] = []

    async def body(gate: TcpGate, folder: Path) -> None:
        ca = str(folder / "gate.pem")
        async with client.connect(gate.address, token=LOOK, ca=ca) as desk:
            quiet = [await knock(gate, None) for _ in range(2)]
            await desk.ping()  # and both were accepted before this was answered
            one_too_many, writer = await knock(gate, None)
            assert await to_the_end(one_too_many) == b""
            writer.close()
            await desk.ping()
            for _, away in quiet:
                away.close()
                await away.wait_closed()
            await asyncio.sleep(0.01)
        async with client.connect(gate.address, token=LOOK, ca=ca) as desk:
            await desk.ping()

    at_a_far_gate(tmp_path, body, warned=warned, hello_s=30.0)
    assert warned[0].startswith("gate: 3 callers were turned away")


def test_places_are_kept_for_the_machine_itself(tmp_path: Path) -> None:
    async def body(gate: TcpGate, folder: Path) -> None:
        ca = str(folder / "gate.pem")
        async with (
            client.connect(gate.address, token=LOOK, ca=ca),
            client.connect(gate.address, token=LOOK, ca=ca),
            client.connect(gate.address, token=LOOK, ca=ca),
        ):
            with pytest.raises(Refused, match="already talks with 3 callers"):
                async with client.connect(gate.address, token=LOOK, ca=ca):
                    raise AssertionError("a fourth of four came from afar")

    at_a_far_gate(tmp_path, body, clients_max=4)


def test_a_slow_reader_is_cut_off(tmp_path: Path) -> None:
    port = FakePort()
    port.live, port.big = True, "x" * 50_000

    async def body(gate: TcpGate, folder: Path) -> None:
        reader, writer = await knock(gate, folder)
        writer.write(hello(LOOK))
        await reader.readline()
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(frames.pack(frames.Tail(1, 0)))
        async with asyncio.timeout(20):
            while port.entries_closed == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        writer.transport.abort()

    at_a_far_gate(tmp_path, body, port, slow_s=0.1, queue_lines_max=8, farewell_s=0.1)


def test_the_end_of_the_desk_is_told(tmp_path: Path) -> None:
    async def body(gate: TcpGate, folder: Path) -> None:
        async with client.connect(gate.address, token=ADMIN, ca=str(folder / "gate.pem")) as desk:
            with pytest.raises(DeskAway, match="the desk is stopping") as away:
                await desk.command("desk.kill", command_id="my-own-id")
            assert away.value.command_id == "my-own-id"
            await gate.close()
            with pytest.raises(DeskAway, match=r"the desk is stopping|no desk answers at tls://"):
                await desk.ping()

    at_a_far_gate(tmp_path, body, AwayPort())


# ── TLS ─────────────────────────────────────────────────────────────────────────────────────────


def test_old_tls_is_refused(tmp_path: Path) -> None:
    write_pair(tmp_path)
    keys = keys_of(
        GateSettings(
            listen="127.0.0.1:0",
            cert=str(tmp_path / "gate.pem"),
            key=str(tmp_path / "gate.key"),
            tokens=TOKENS,
        ),
        secrets_of(tmp_path),
    )
    assert keys is not None
    assert keys.tls is not None
    assert keys.tls.minimum_version is ssl.TLSVersion.TLSv1_2
    assert not any(token in repr(keys) for token in SECRETS.values())


def test_the_client_trusts_no_other_certificate(tmp_path: Path) -> None:
    async def body(gate: TcpGate, folder: Path) -> None:
        other = folder / "other"
        write_pair(other, "elsewhere.example")
        for ca, words in (
            ("", "is not trusted"),
            (str(other / "gate.pem"), "is not trusted"),
            (str(folder / "gate.key"), "holds no certificate"),
            (str(folder / "missing.pem"), "holds no certificate"),
        ):
            with pytest.raises(Refused, match=words):
                async with client.connect(gate.address, token=ADMIN, ca=ca):
                    raise AssertionError("trusted a stranger")

    at_a_far_gate(tmp_path, body)


def test_a_client_that_meets_no_tls_says_so(tmp_path: Path) -> None:
    async def body(gate: TcpGate, folder: Path) -> None:
        plain = gate.address
        assert plain.startswith("tcp://")
        async with client.connect(plain, token=LOOK, ca="") as desk:
            await desk.ping()
        with pytest.raises(DeskAway, match=r"does not speak TLS|no desk answers"):
            async with client.connect(plain.replace("tcp:", "tls:"), token=LOOK, ca=""):
                raise AssertionError("spoke TLS to a plain door")

    at_a_far_gate(tmp_path, body, tls=False)


def test_a_renewed_certificate_is_followed_and_a_bad_one_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gate_tcp, "LOOK_S", 0.01)
    warned: list[str] = []

    async def body(gate: TcpGate, folder: Path) -> None:
        keeping = asyncio.ensure_future(gate.keep())
        (folder / "gate.pem").write_text("half a certific")
        async with asyncio.timeout(20):
            while not warned:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert "the old certificate is still used" in warned[0]
        (folder / "old.pem").write_bytes(pair("localhost")[0])
        async with client.connect(gate.address, token=LOOK, ca=str(folder / "old.pem")) as desk:
            await desk.ping()
        write_pair(folder, "renewed.example")
        async with asyncio.timeout(20):
            while True:
                try:
                    async with client.connect(gate.address, token=LOOK, ca=str(folder / "gate.pem")) as desk:
                        await desk.ping()
                    break
                except Refused:
                    await asyncio.sleep(0.01)
        keeping.cancel()

    at_a_far_gate(tmp_path, body, warned=warned)


# ── the first line, as anybody may write it ─────────────────────────────────────────────────────

words = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=20), st.just(LOOK + "x"))
greetings = st.one_of(
    st.binary(max_size=300),
    st.dictionaries(st.sampled_from(["type", "protocol", "via", "token", "id", "of"]), words, max_size=6).map(
        lambda made: json.dumps({"type": "Hello", **made}).encode()
    ),
    st.builds(lambda body: b'{"type":"Hello","protocol":1,"via":"x","token":' + body, st.binary(max_size=80)),
)


@given(line=greetings)
@hypothesis_settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_first_line_lets_anybody_in_who_shows_no_token(line: bytes) -> None:
    tokens = (gate_tcp.Token("pages", "admin", digest_of(ADMIN)),)
    gate = TcpGate(None, GateSettings(), gate_tcp.Keys(tokens, None), lambda says: None)  # type: ignore[arg-type]
    known = gate._known(line.replace(b"\n", b" ") + b"\n")
    assert isinstance(known, frames.Failed)
    assert known.fault in ("malformed", "protocol", "denied")
    assert known.says
    assert ADMIN not in known.says
    frames.pack(known)


def test_garbage_on_the_wire_is_answered_or_cut_and_the_gate_lives_on(tmp_path: Path) -> None:
    garbage = [
        b"",
        b"\n",
        b"\x00" * 4096,
        b"\x16\x03\x01" + b"\xff" * 600,
        b"{" * 3000 + b"\n",
        b"\xff\xfe\n",
    ]

    async def body(gate: TcpGate, folder: Path) -> None:
        for plain in (True, False):
            for line in garbage:
                reader, writer = await knock(gate, None if plain else folder)
                writer.write(line)
                if not plain and line == b"":
                    writer.close()
                    continue
                if writer.can_write_eof():
                    writer.write_eof()
                await to_the_end(reader)
                writer.close()
        async with client.connect(gate.address, token=LOOK, ca=str(folder / "gate.pem")) as desk:
            await desk.ping()

    at_a_far_gate(tmp_path, body, hello_s=1.0)


def test_a_guest_from_afar_keeps_no_token() -> None:
    gate = TcpGate(
        None,  # type: ignore[arg-type]
        GateSettings(),
        gate_tcp.Keys((gate_tcp.Token("pages", "admin", digest_of(ADMIN)),), None),
        lambda says: None,
    )
    known = gate._known(hello(ADMIN))
    assert isinstance(known, Guest)
    assert (known.name, known.role) == ("pages", "admin")
    assert ADMIN not in repr(known)
    assert ADMIN not in repr(frames.Hello(1, "test", ADMIN))


# ── settings ────────────────────────────────────────────────────────────────────────────────────

A_TOKEN = {"name": "pages", "secret": "GATE_PAGES", "role": "admin"}


@pytest.mark.parametrize(
    ("section", "words"),
    [
        ({"listen": "0.0.0.0:8322", "tokens": [A_TOKEN]}, "tokens must not travel in the clear"),
        ({"listen": "desk.example:8322", "tokens": [A_TOKEN]}, "tokens must not travel in the clear"),
        ({"listen": "127.0.0.1"}, "an address and a port"),
        ({"listen": "127.0.0.1:99999", "tokens": [A_TOKEN]}, "an address and a port"),
        ({"listen": "::1:8322", "tokens": [A_TOKEN]}, "an address and a port"),
        ({"cert": "a.pem"}, "`key` is missing"),
        ({"tokens": [A_TOKEN, A_TOKEN]}, "two tokens are called 'pages'"),
        ({"tokens": [{**A_TOKEN, "secret": "my own token"}]}, "NAME of a secret"),
        ({"tokens": [{**A_TOKEN, "name": "schedule"}]}, "what the desk calls itself"),
        ({"tokens": [{**A_TOKEN, "name": "Pages"}]}, "small letters"),
        ({"tokens": [{**A_TOKEN, "role": "owner"}]}, "role"),
    ],
)
def test_what_cannot_be_is_refused_in_one_sentence(section: dict[str, Any], words: str) -> None:
    with pytest.raises(SettingsWrong, match=words) as wrong:
        parse({"gate": section})
    assert "my own token" not in str(wrong.value)


def test_tokens_must_be_there_long_and_different(tmp_path: Path) -> None:
    def keys(values: dict[str, str], *tokens: TokenSettings) -> object:
        chosen = GateSettings(listen="127.0.0.1:0", tokens=tokens)
        return keys_of(chosen, Secrets(tmp_path / "none.toml", values))

    one, two = TokenSettings("one", "ONE"), TokenSettings("two", "TWO")
    with pytest.raises(SettingsWrong, match="needs the secret ONE"):
        keys({}, one)
    with pytest.raises(SettingsWrong, match="too short") as wrong:
        keys({"ONE": "hunter2"}, one)
    assert "hunter2" not in str(wrong.value)
    with pytest.raises(SettingsWrong, match="are the same"):
        keys({"ONE": "x" * 32, "TWO": "x" * 32}, one, two)
    assert keys_of(GateSettings(), secrets_of(tmp_path)) is None


def test_files_that_are_no_certificate_shut_the_gate_before_it_opens(tmp_path: Path) -> None:
    cert, key = write_pair(tmp_path)
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("no certificate")
    for files, words in (
        ((str(wrong), key), "are no certificate and its key"),
        ((str(tmp_path / "none.pem"), key), "cannot be read"),
        ((cert, cert), "are no certificate and its key"),
    ):
        chosen = GateSettings(listen="127.0.0.1:0", cert=files[0], key=files[1], tokens=TOKENS)
        with pytest.raises(GateShut, match=words):
            keys_of(chosen, secrets_of(tmp_path))


def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    async def body(gate: TcpGate, folder: Path) -> None:
        chosen = GateSettings(listen=f"127.0.0.1:{port_of(gate)}", tokens=TOKENS)
        keys = keys_of(chosen, secrets_of(folder))
        assert keys is not None
        with pytest.raises(GateShut, match="cannot be had"):
            await TcpGate(gate._door, chosen, keys, lambda says: None).open()

    at_a_far_gate(tmp_path, body)


def test_trusting_needs_the_right_name(tmp_path: Path) -> None:
    """A certificate for another name is refused even where it is trusted itself."""

    async def body(gate: TcpGate, folder: Path) -> None:
        made = trusting(folder)
        assert made.check_hostname
        with pytest.raises(ssl.SSLCertVerificationError):
            await asyncio.open_connection(
                "127.0.0.1", port_of(gate), ssl=made, server_hostname="elsewhere.example"
            )

    at_a_far_gate(tmp_path, body)
