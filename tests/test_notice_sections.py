"""Settings by which people are told: what cannot be meant is one sentence, and no secret is repeated."""

from __future__ import annotations

from typing import Any

import pytest

from kedge.settings import SettingsWrong, parse


@pytest.mark.parametrize(
    ("table", "says"),
    [
        ({"telegram": {"token": "123:planted"}}, "`token` must be the NAME of a secret"),
        ({"telegram": {"webhook": "http://x/y", "webhook_secret": "AB"}}, "must be an https address"),
        ({"telegram": {"webhook": "https://x/y"}}, "needs `webhook_secret` too"),
        ({"telegram": {"names": {"ann": "ann"}}}, "`names` must be like"),
        ({"telegram": {"names": {"1": "a b"}}}, "`names` must be like"),
        ({"telegram": {"listen": "here"}}, "`listen` must be like 127.0.0.1:8322"),
        ({"telegram": {"language": "de"}}, "language"),
        ({"mail": {"server": "x"}}, "mail also needs `sender` and `to`"),
        ({"mail": {"sender": "nobody"}}, "'nobody' is no mail address"),
        ({"mail": {"user": "ann"}}, "`password` is missing"),
        (
            {
                "mail": {
                    "server": "x.org",
                    "sender": "a@b",
                    "to": ["a@b"],
                    "user": "u",
                    "password": "PW",
                    "security": "none",
                }
            },
            "would send the password in the clear",
        ),
        ({"webhooks": {"urls": ["ftp://x"], "secret": "AB"}}, "`urls` must be like"),
        ({"webhooks": {"urls": ["https://u:planted@x/y"], "secret": "AB"}}, "`urls` must be like"),
        ({"webhooks": {"urls": ["https://x/y"]}}, "name the `secret`"),
        ({"notices": {"summary": "25:00"}}, "`summary` must be a time of the day"),
        ({"notices": {"zone": "Mars/Base"}}, "there is no time zone 'Mars/Base' here"),
        ({"notices": {"leave_out": ["noise"]}}, "there is no kind 'noise'"),
        ({"notices": {"mail": "loud"}}, "mail"),
    ],
)
def test_what_cannot_be_meant_is_told(table: dict[str, Any], says: str) -> None:
    with pytest.raises(SettingsWrong) as wrong:
        parse(table)
    assert says in str(wrong.value)


def test_what_is_meant_is_read() -> None:
    read = parse(
        {
            "telegram": {"token": "TG", "admins": [1], "names": {"1": "ann"}},
            "notices": {"zone": "Europe/Paris"},
        }
    )
    assert (read.telegram.admins, read.telegram.names) == ((1,), {"1": "ann"})
    assert parse({}).telegram.token == ""
