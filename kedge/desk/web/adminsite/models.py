"""Messages to people, as the post keeps them: only looked at here."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _


class OutboxNotice(models.Model):
    """A row for each notice and channel; the notice alone is not unique, so a row has no page."""

    channel = models.CharField(_("channel"), max_length=190)
    notice = models.CharField(_("notice"), max_length=190, primary_key=True)
    place = models.BigIntegerField(_("place"))
    level = models.CharField(_("level"), max_length=190)
    kind = models.CharField(_("kind"), max_length=190)
    body = models.TextField(_("text"))
    made_ns = models.BigIntegerField(_("made"))
    state = models.CharField(_("state"), max_length=190)
    tries = models.BigIntegerField(_("tries"))
    trouble = models.TextField(_("trouble"))
    done_ns = models.BigIntegerField(_("done"))

    class Meta:
        managed = False
        db_table = "outbox_notice"
        verbose_name = _("message")
        verbose_name_plural = _("messages")
        default_permissions = ("view",)

    def __str__(self) -> str:
        return self.notice
