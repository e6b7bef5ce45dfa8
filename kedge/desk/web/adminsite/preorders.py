"""Preorders in the admin: edited as rows, with their stages; what the desk wrote about them is only read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from kedge.desk.web.adminsite.site import site
from kedge.desk.web.preorders.models import Preorder, PreorderLog, PreorderStage


class MomentInput(AdminSplitDateTime):
    """Day and time, each with a name of its own for who cannot see that they belong together."""

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs)
        for part, label in zip(self.widgets, (_("Date"), _("Time")), strict=True):
            part.attrs["aria-label"] = label


MOMENTS: dict[type[models.Field[Any, Any]], dict[str, Any]] = {models.DateTimeField: {"widget": MomentInput}}


class StageInline(admin.TabularInline):  # type: ignore[type-arg]
    model = PreorderStage
    formfield_overrides = MOMENTS
    extra = 0


class LogInline(admin.TabularInline):  # type: ignore[type-arg]
    model = PreorderLog
    fields = ("created_at", "origin", "status", "text")
    readonly_fields = fields
    extra = 0
    max_num = 0
    can_delete = False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(Preorder, site=site)
class PreorderAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    list_display = (
        *("preorder_id", "status", "status_text", "is_garant", "sum_btc", "sum_rub", "sum_usd"),
        *("buyer", "product_name", "order_date", "created_at"),
    )
    # Products are found by the search: most preorders have none, and a filter of "" has no name.
    list_filter = ("status", "is_garant")
    search_fields = ("=preorder_id", "buyer", "location", "product_name", "status_text")
    date_hierarchy = "created_at"
    formfield_overrides = MOMENTS
    inlines = (StageInline, LogInline)
    list_per_page = 50
    show_full_result_count = False
