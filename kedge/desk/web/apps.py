"""The desk's own Django application."""

from __future__ import annotations

from django.apps import AppConfig


class DeskConfig(AppConfig):
    name = "kedge.desk.web"
    label = "desk"
    verbose_name = "Desk"
