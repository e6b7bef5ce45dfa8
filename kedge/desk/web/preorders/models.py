"""Preorders, their stages, and what the desk did about them. Kept in the people's database.

Which hedge belongs to a preorder is not kept here: the hedge says it (`HedgeConfig.preorder`), the engine
sees to it that only one at a time does, and pages ask the tables.
"""

from __future__ import annotations

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


def new_id() -> uuid.UUID:
    return uuid.uuid4()  # storm-ok: a row's own name, made where no storm is


class Preorder(models.Model):
    """One thing sold ahead, in roubles, dollars and the coin to be hedged."""

    OPEN, CLOSED = "open", "closed"
    STATUSES = ((OPEN, _("open")), (CLOSED, _("closed")))

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    preorder_id = models.BigIntegerField(_("number"), unique=True)
    created_at = models.DateTimeField(_("created"))
    sum_rub = models.DecimalField(_("sum, RUB"), max_digits=12, decimal_places=2, null=True, blank=True)
    sum_usd = models.DecimalField(_("sum, USD"), max_digits=12, decimal_places=2, null=True, blank=True)
    sum_btc = models.DecimalField(_("sum, BTC"), max_digits=16, decimal_places=12, null=True, blank=True)
    buyer = models.CharField(_("buyer"), max_length=30, blank=True, default="")
    location = models.CharField(_("place"), max_length=100, blank=True, default="")
    order_date = models.DateTimeField(_("ordered"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    product = models.CharField(_("product"), max_length=100, blank=True, default="")
    product_name = models.CharField(_("name of the product"), max_length=100, blank=True, default="")
    size = models.DecimalField(_("size"), max_digits=8, decimal_places=2, null=True, blank=True)
    status = models.CharField(_("state"), max_length=8, choices=STATUSES, default=OPEN)
    status_text = models.CharField(_("state in words"), max_length=60, blank=True, default="")
    is_garant = models.BooleanField(_("guaranteed"), default=False)
    garant_status = models.CharField(_("guarantee"), max_length=60, blank=True, default="")

    class Meta:
        verbose_name = _("preorder")
        verbose_name_plural = _("preorders")
        ordering = ("-created_at", "-preorder_id")
        indexes = (
            models.Index(fields=("-created_at", "-preorder_id"), name="preorders_newest"),
            models.Index(fields=("status", "-created_at"), name="preorders_status"),
        )

    def __str__(self) -> str:
        return f"{self.preorder_id}"


class PreorderStage(models.Model):
    """A step on its way, as the source told it."""

    preorder = models.ForeignKey(Preorder, on_delete=models.CASCADE, related_name="stages")
    status_date = models.DateTimeField(_("when"), null=True, blank=True)
    status = models.CharField(_("stage"), max_length=60)
    comment = models.CharField(_("comment"), max_length=60, blank=True, default="")

    class Meta:
        verbose_name = _("stage")
        verbose_name_plural = _("stages")
        ordering = ("status_date", "id")

    def __str__(self) -> str:
        return f"{self.preorder}: {self.status}"


class PreorderLog(models.Model):
    """What the desk was asked about a preorder, and what came of it. Written, never changed."""

    SUCCESS, ERROR = "success", "error"
    STATUSES = ((SUCCESS, _("success")), (ERROR, _("error")))

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    created_at = models.DateTimeField(_("when"))
    preorder = models.ForeignKey(Preorder, on_delete=models.CASCADE, related_name="logs")
    origin = models.CharField(_("who"), max_length=100)
    status = models.CharField(_("result"), max_length=8, choices=STATUSES)
    text = models.CharField(_("text"), max_length=300)

    class Meta:
        verbose_name = _("line of the log")
        verbose_name_plural = _("log")
        ordering = ("-created_at",)
        indexes = (models.Index(fields=("preorder", "-created_at"), name="preorders_log_newest"),)

    def __str__(self) -> str:
        return f"{self.preorder}: {self.text}"
