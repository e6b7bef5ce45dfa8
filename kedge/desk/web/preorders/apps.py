"""Preorders as a Django application of their own."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PreordersConfig(AppConfig):
    name = "kedge.desk.web.preorders"
    label = "preorders"
    verbose_name = _("Preorders")
