"""The first tables of preorders."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

import kedge.desk.web.preorders.models


class Migration(migrations.Migration):
    initial = True

    dependencies = ()

    operations = (
        migrations.CreateModel(
            name="Preorder",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=kedge.desk.web.preorders.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("preorder_id", models.BigIntegerField(unique=True, verbose_name="number")),
                ("created_at", models.DateTimeField(verbose_name="created")),
                (
                    "sum_rub",
                    models.DecimalField(
                        blank=True, decimal_places=2, max_digits=12, null=True, verbose_name="sum, RUB"
                    ),
                ),
                (
                    "sum_usd",
                    models.DecimalField(
                        blank=True, decimal_places=2, max_digits=12, null=True, verbose_name="sum, USD"
                    ),
                ),
                (
                    "sum_btc",
                    models.DecimalField(
                        blank=True, decimal_places=12, max_digits=16, null=True, verbose_name="sum, BTC"
                    ),
                ),
                ("buyer", models.CharField(blank=True, default="", max_length=30, verbose_name="buyer")),
                ("location", models.CharField(blank=True, default="", max_length=100, verbose_name="place")),
                ("order_date", models.DateTimeField(blank=True, null=True, verbose_name="ordered")),
                ("finished_at", models.DateTimeField(blank=True, null=True, verbose_name="finished")),
                ("product", models.CharField(blank=True, default="", max_length=100, verbose_name="product")),
                (
                    "product_name",
                    models.CharField(
                        blank=True, default="", max_length=100, verbose_name="name of the product"
                    ),
                ),
                (
                    "size",
                    models.DecimalField(
                        blank=True, decimal_places=2, max_digits=8, null=True, verbose_name="size"
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "open"), ("closed", "closed")],
                        default="open",
                        max_length=8,
                        verbose_name="state",
                    ),
                ),
                (
                    "status_text",
                    models.CharField(blank=True, default="", max_length=60, verbose_name="state in words"),
                ),
                ("is_garant", models.BooleanField(default=False, verbose_name="guaranteed")),
                (
                    "garant_status",
                    models.CharField(blank=True, default="", max_length=60, verbose_name="guarantee"),
                ),
            ],
            options={
                "verbose_name": "preorder",
                "verbose_name_plural": "preorders",
                "ordering": ("-created_at", "-preorder_id"),
                "indexes": [
                    models.Index(fields=["-created_at", "-preorder_id"], name="preorders_newest"),
                    models.Index(fields=["status", "-created_at"], name="preorders_status"),
                ],
            },
        ),
        migrations.CreateModel(
            name="PreorderStage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("status_date", models.DateTimeField(blank=True, null=True, verbose_name="when")),
                ("status", models.CharField(max_length=60, verbose_name="stage")),
                ("comment", models.CharField(blank=True, default="", max_length=60, verbose_name="comment")),
                (
                    "preorder",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="stages",
                        to="preorders.preorder",
                    ),
                ),
            ],
            options={
                "verbose_name": "stage",
                "verbose_name_plural": "stages",
                "ordering": ("status_date", "id"),
            },
        ),
        migrations.CreateModel(
            name="PreorderLog",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=kedge.desk.web.preorders.models.new_id,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("created_at", models.DateTimeField(verbose_name="when")),
                ("origin", models.CharField(max_length=100, verbose_name="who")),
                (
                    "status",
                    models.CharField(
                        choices=[("success", "success"), ("error", "error")],
                        max_length=8,
                        verbose_name="result",
                    ),
                ),
                ("text", models.CharField(max_length=300, verbose_name="text")),
                (
                    "preorder",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="logs",
                        to="preorders.preorder",
                    ),
                ),
            ],
            options={
                "verbose_name": "line of the log",
                "verbose_name_plural": "log",
                "ordering": ("-created_at",),
                "indexes": [models.Index(fields=["preorder", "-created_at"], name="preorders_log_newest")],
            },
        ),
    )
