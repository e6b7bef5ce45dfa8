"""The project's settings for the type checker, which wants them as a module; nothing runs with them."""

from __future__ import annotations

import tempfile
from pathlib import Path

from kedge.desk.web.project import django_settings_of
from kedge.home import Home
from kedge.settings import Secrets, Settings

_home = Home(Path(tempfile.mkdtemp(prefix="kedge-mypy-")))
globals().update(django_settings_of(_home, Settings(), Secrets(_home.secrets)))
