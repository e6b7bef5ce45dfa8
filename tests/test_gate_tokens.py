"""Tokens of the gate by TCP that change while it is open: who was let in by one goes with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from fake_port import FakePort
from gate_kit import ADMIN, LOOK, SECRETS, TOKENS, TRADE, a_far_gate

from kedge import client
from kedge.client import DeskAway, Refused
from kedge.runtime import gate_tcp
from kedge.runtime.gate_tcp import TcpGate
from kedge.runtime.gate_tokens import TokenFiles
from kedge.settings import GateSettings, Secrets, SettingsWrong, TokenSettings, load

Body = Callable[[TcpGate, Path], Coroutine[Any, Any, None]]


def at_a_gate(folder: Path, body: Body, warned: list[str]) -> None:
    async def run() -> None:
        async with a_far_gate(FakePort(), folder, warned=warned) as gate:
            await body(gate, folder)

    asyncio.run(run())


def settings_file(folder: Path, *tokens: TokenSettings) -> None:
    lines = ["[gate]", 'listen = "127.0.0.1:0"']
    for one in tokens:
        lines += [
            "[[gate.tokens]]",
            f'name = "{one.name}"',
            f'secret = "{one.secret}"',
            f'role = "{one.role}"',
        ]
    (folder / "settings.toml").write_text("\n".join(lines))


def secrets_file(folder: Path, values: dict[str, str]) -> None:
    path = folder / "secrets.toml"
    path.write_text("".join(f'{name} = "{value}"\n' for name, value in values.items()))
    path.chmod(0o600)


def renewing(folder: Path) -> TokenFiles:
    def read() -> tuple[GateSettings, Secrets]:
        return load(folder / "settings.toml", {}).gate, Secrets(folder / "secrets.toml", {})

    settings_file(folder, *TOKENS)
    secrets_file(folder, SECRETS)
    return TokenFiles((folder / "settings.toml", folder / "secrets.toml"), read)


async def refused_now(gate: TcpGate, folder: Path, token: str) -> str:
    """Wait until this token lets nobody in; what is said."""
    async with asyncio.timeout(20):
        while True:
            try:
                async with client.connect(gate.address, token=token, ca=str(folder / "gate.pem")) as desk:
                    await desk.ping()
            except DeskAway:
                continue  # let in, and sent away at this moment
            except Refused as error:
                return str(error)
            await asyncio.sleep(0.01)


async def ping_on(desk: client.Desk) -> None:
    async with asyncio.timeout(20):
        while True:
            await desk.ping()
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("how", ["secret gone", "token gone", "another secret", "another role"])
def test_a_revoked_token_ends_its_conversations_and_no_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(gate_tcp, "TOKENS_LOOK_S", 0.01)
    warned: list[str] = []
    ca = str(tmp_path / "gate.pem")

    def revoke() -> None:
        if how == "secret gone":
            secrets_file(tmp_path, {name: value for name, value in SECRETS.items() if name != "GATE_TRADE"})
        elif how == "another secret":
            secrets_file(tmp_path, SECRETS | {"GATE_TRADE": "n" * 32})
        elif how == "token gone":
            settings_file(tmp_path, *(one for one in TOKENS if one.name != "robot"))
        else:
            other = TokenSettings("robot", "GATE_TRADE", "look")
            settings_file(tmp_path, *(other if one.name == "robot" else one for one in TOKENS))

    async def body(gate: TcpGate, folder: Path) -> None:
        gate._files = renewing(folder)
        keeping = asyncio.ensure_future(gate.keep())
        async with client.connect(gate.address, token=ADMIN, ca=ca) as stays:
            async with client.connect(gate.address, token=TRADE, ca=ca) as goes:
                await goes.ping()
                revoke()
                with pytest.raises(DeskAway, match="revoked or changed"):
                    await ping_on(goes)
            await stays.ping()
            if how == "another role":
                async with client.connect(gate.address, token=TRADE, ca=ca) as again:
                    with pytest.raises(Refused, match="takes the role"):
                        await again.command("desk.kill")
            else:
                assert "does not know this token" in await refused_now(gate, folder, TRADE)
            if how == "another secret":
                async with client.connect(gate.address, token="n" * 32, ca=ca) as again:
                    await again.ping()
        assert not keeping.done(), keeping
        keeping.cancel()

    at_a_gate(tmp_path, body, warned)
    assert any("tokens were changed (robot); 1 conversations were ended" in line for line in warned)
    assert not any(token in line for line in warned for token in SECRETS.values())


def test_the_last_section_of_all_revokes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate stays open and knows nobody; a section that is there again opens it."""
    monkeypatch.setattr(gate_tcp, "TOKENS_LOOK_S", 0.01)
    warned: list[str] = []

    async def body(gate: TcpGate, folder: Path) -> None:
        gate._files = renewing(folder)
        keeping = asyncio.ensure_future(gate.keep())
        ca = str(folder / "gate.pem")
        async with client.connect(gate.address, token=ADMIN, ca=ca) as goes:
            await goes.ping()
            settings_file(folder)
            with pytest.raises(DeskAway, match="revoked or changed"):
                await ping_on(goes)
        for token in (ADMIN, TRADE, LOOK):
            assert "does not know this token" in await refused_now(gate, folder, token)
        settings_file(folder, *TOKENS)
        async with asyncio.timeout(20):
            while not await is_let_in(gate, ca):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert not keeping.done(), keeping
        keeping.cancel()

    at_a_gate(tmp_path, body, warned)
    assert "1 conversations were ended" in warned[0]
    assert "stay as they were" not in " ".join(warned)


async def is_let_in(gate: TcpGate, ca: str) -> bool:
    try:
        async with client.connect(gate.address, token=TRADE, ca=ca) as desk:
            await desk.ping()
    except Refused:
        return False
    return True


@pytest.mark.parametrize("tokens", [(), TOKENS[:1]])
def test_a_gate_is_not_opened_for_nobody(tokens: tuple[TokenSettings, ...], tmp_path: Path) -> None:
    secrets_file(tmp_path, SECRETS)
    chosen = GateSettings(listen="127.0.0.1:0", tokens=tokens)
    secrets = Secrets(tmp_path / "secrets.toml", {})
    if tokens:
        assert gate_tcp.keys_of(chosen, secrets) is not None
        return
    with pytest.raises(SettingsWrong, match=r"without a \[\[gate.tokens\]\] nobody"):
        gate_tcp.keys_of(chosen, secrets)


@pytest.mark.parametrize("spoilt", ["settings", "secrets", "rights"])
def test_files_that_are_wrong_change_no_token(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoilt: str
) -> None:
    monkeypatch.setattr(gate_tcp, "TOKENS_LOOK_S", 0.01)
    warned: list[str] = []

    async def body(gate: TcpGate, folder: Path) -> None:
        gate._files = renewing(folder)
        keeping = asyncio.ensure_future(gate.keep())
        ca = str(folder / "gate.pem")
        async with client.connect(gate.address, token=TRADE, ca=ca) as desk:
            if spoilt == "settings":
                (folder / "settings.toml").write_text("[gate\n")
            elif spoilt == "secrets":
                (folder / "secrets.toml").write_text(f"GATE_TRADE = {TRADE}")
            else:
                (folder / "secrets.toml").write_text('GATE_TRADE = "x"')
                (folder / "secrets.toml").chmod(0o644)
            async with asyncio.timeout(20):
                while not warned:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            await desk.ping()
            settings_file(folder, *TOKENS)
            secrets_file(folder, SECRETS | {"GATE_LOOK": "z" * 32})
            assert "does not know" in await refused_now(gate, folder, LOOK)
            await desk.ping()
        keeping.cancel()

    at_a_gate(tmp_path, body, warned)
    assert "stay as they were" in warned[0]
    assert TRADE not in warned[0]
