"""Who may read the metrics, and the port of their own, over real sockets."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp
import pytest
from fake_port import NOW
from test_meters import a_picture

from kedge.desk.link import Link
from kedge.desk.meters import Picture
from kedge.desk.meters_port import Asked, MetricsPort, answer, picture_of, token_of
from kedge.desk.parts import DeskContext
from kedge.home import Home
from kedge.settings import MetricsSettings, Secrets, Settings, SettingsWrong, parse

HERE = {"peer": "127.0.0.1", "host": "localhost:9464"}


@pytest.mark.parametrize(
    ("path", "asked", "token", "status"),
    [
        ("/healthz", {"peer": "10.0.0.9"}, "", 200),
        ("/readyz", HERE, "", 200),
        ("/metrics", HERE, "", 200),
        ("/metrics", {"peer": "::1", "host": "[::1]:9464"}, "", 200),
        ("/metrics", {"peer": "10.0.0.9", "host": "localhost"}, "", 403),
        # A name of somebody else's that leads here: a browser's page must not read it.
        ("/metrics", {"peer": "127.0.0.1", "host": "evil.example:9464"}, "", 403),
        ("/readyz", {"peer": "127.0.0.1", "host": ""}, "", 403),
        ("/metrics", HERE, "right", 401),
        ("/metrics", {**HERE, "authorization": "Bearer wrong"}, "right", 401),
        ("/metrics", {**HERE, "authorization": "Basic right"}, "right", 401),
        ("/metrics", {"peer": "10.0.0.9", "host": "desk", "authorization": "bearer right"}, "right", 200),
        ("/metrics/", HERE, "", 404),
        ("/", HERE, "", 404),
    ],
)
def test_who_may_read_what(path: str, asked: dict[str, str], token: str, status: int) -> None:
    assert answer(Asked(path, **asked), a_picture(), token).status == status


def test_not_ready_is_503_and_says_what_is_missing() -> None:
    told = answer(Asked("/readyz", **HERE), a_picture(away="it hung up"))
    assert (told.status, b"engine: it hung up" in told.body) == (503, True)


def test_the_port_answers_and_closes() -> None:
    async def go() -> None:
        port = MetricsPort("127.0.0.1:0", a_picture)
        await port.open()
        async with aiohttp.ClientSession() as session:
            async with session.get(f"{port.address}/metrics") as reply:
                text = await reply.text()
                assert (reply.status, reply.headers["Cache-Control"]) == (200, "no-store")
            assert "# HELP kedge_up 1 while the engine answers" in text
            async with session.get(f"{port.address}/healthz") as reply:
                assert (reply.status, await reply.json()) == (200, {"ok": True})
            async with session.get(f"{port.address}/x") as reply:
                assert reply.status == 404
            async with session.post(f"{port.address}/metrics") as reply:
                assert reply.status == 405
        taken = MetricsPort(port.address.removeprefix("http://"), a_picture)
        with pytest.raises(OSError, match="address already in use"):
            await taken.open()
        await taken.close()
        await port.close()

    asyncio.run(go())


def test_the_picture_of_a_desk_process(tmp_path: Path) -> None:
    async def go() -> Picture:
        link = Link(tmp_path / "main.sock", lambda: NOW)
        home = Home(tmp_path)
        context = DeskContext(home, Settings(), Secrets(home.secrets), link, print, lambda: NOW + 5, "main")
        context.troubles["web"] = "the port is taken"
        return picture_of(context)

    picture = asyncio.run(go())
    assert picture.away
    assert (picture.now_ns, picture.tables_behind, picture.outbox) == (NOW + 5, -1, -1)
    assert picture.troubles == {"web": "the port is taken"}


def test_the_token_is_named_never_held(tmp_path: Path) -> None:
    secrets = Secrets(tmp_path / "none", {"METRICS_TOKEN": "shown"})
    assert token_of(MetricsSettings(token="METRICS_TOKEN"), secrets) == "shown"
    assert token_of(MetricsSettings(), secrets) == ""
    with pytest.raises(SettingsWrong, match=r"\[metrics\] token needs the secret OTHER"):
        token_of(MetricsSettings(token="OTHER"), secrets)
    with pytest.raises(SettingsWrong, match="NAME of a secret"):
        parse({"metrics": {"token": "s3cret-value"}})


@pytest.mark.parametrize("listen", ["9464", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", ":9464"])
def test_an_address_is_an_address_and_a_port(listen: str) -> None:
    with pytest.raises(SettingsWrong, match=r"like 127\.0\.0\.1:9464"):
        parse({"metrics": {"listen": listen}})


def test_others_may_read_only_with_a_token() -> None:
    with pytest.raises(SettingsWrong, match="can be reached by others"):
        parse({"metrics": {"listen": "0.0.0.0:9464"}})
    assert parse({"metrics": {"listen": "0.0.0.0:9464", "token": "METRICS_TOKEN"}}).metrics.listen
