"""The desk's two databases as Django sees them: `default` is the people's, `rows` is the projections'.

The people's file is the truth of what is in it (users, tokens, preferences): every commit reaches the disk.
The rows can be made again from the journal. With a `[database] url` both are in that one database.
"""

from __future__ import annotations

from typing import Any

from kedge.desk.tables.address import Address
from kedge.desk.tables.people import people_address, rows_address
from kedge.home import Home
from kedge.settings import Secrets, Settings

# How long a writer waits for another before a person is told that the database is busy.
BUSY_S = 5

# Apps whose tables are projections: Django reads them and never makes or changes them.
ROW_APPS = ("rows",)

_ENGINES = {
    "sqlite": "django.db.backends.sqlite3",
    "postgresql": "django.db.backends.postgresql",
    "mysql": "django.db.backends.mysql",
}


def databases(home: Home, settings: Settings, secrets: Secrets) -> dict[str, dict[str, Any]]:
    """Raises `SettingsWrong`."""
    return {
        "default": _of(people_address(home, settings, secrets)),
        "rows": _of(rows_address(home, settings, secrets)),
    }


class Router:
    """Keeps the projections apart: read from `rows`, never migrated, never written."""

    def db_for_read(self, model: Any, **_: Any) -> str:
        return "rows" if model._meta.app_label in ROW_APPS else "default"

    def db_for_write(self, model: Any, **_: Any) -> str:
        return self.db_for_read(model)

    def allow_relation(self, one: Any, other: Any, **_: Any) -> bool:
        return self.db_for_read(one) == self.db_for_read(other)

    def allow_migrate(self, db: str, app_label: str, **_: Any) -> bool:
        return db == "default" and app_label not in ROW_APPS


def _of(address: Address) -> dict[str, Any]:
    if address.kind == "sqlite":
        return _file(address)
    if address.kind == "mysql":
        _stand_in_for_mysqlclient()
    return {
        "ENGINE": _ENGINES[address.kind],
        "NAME": address.name,
        "USER": address.user,
        "PASSWORD": address.password,
        "HOST": address.host,
        "PORT": str(address.port or ""),
        "OPTIONS": dict(address.words),
        "CONN_HEALTH_CHECKS": True,
        "CONN_MAX_AGE": 60,
    }


def _file(address: Address) -> dict[str, Any]:
    options: dict[str, Any] = {"transaction_mode": "IMMEDIATE", "timeout": BUSY_S}
    if address.truth:
        options["init_command"] = "PRAGMA journal_mode=DELETE; PRAGMA synchronous=FULL"
    return {"ENGINE": _ENGINES["sqlite"], "NAME": address.name, "OPTIONS": options}


def _stand_in_for_mysqlclient() -> None:
    """PyMySQL speaks for mysqlclient, which needs a compiler; Django asks for its version."""
    import pymysql

    pymysql.version_info = (2, 2, 1, "final", 0)
    pymysql.install_as_MySQLdb()
