"""The app of the admin's own models: messages that wait or were delivered."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MessagesConfig(AppConfig):
    name = "kedge.desk.web.adminsite"
    label = "outbox"
    verbose_name = _("Messages")
