"""The app whose models are the tables; its label keeps them in the rows' database."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RowsConfig(AppConfig):
    name = "kedge.desk.web.rowmodels"
    label = "rows"
    verbose_name = _("Tables")
