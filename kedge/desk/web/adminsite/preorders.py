"""Preorders in the admin: edited as rows, with their stages; what the desk wrote about them is only read."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from kedge.desk.web.adminsite.site import site
from kedge.desk.web.preorders.models import Preorder, PreorderLog, PreorderStage


class StageInline(admin.TabularInline):  # type: ignore[type-arg]
    model = PreorderStage
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
    list_filter = ("status", "is_garant", "product_name")
    search_fields = ("=preorder_id", "buyer", "location", "product_name", "status_text")
    date_hierarchy = "created_at"
    inlines = (StageInline, LogInline)
    list_per_page = 50
    show_full_result_count = False
