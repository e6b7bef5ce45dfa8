"""Prices of the last days, for charts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("desk", "0002_rows"),
    ]

    operations = [
        migrations.CreateModel(
            name="PriceMinute",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("cell", models.CharField(max_length=32)),
                ("market", models.CharField(max_length=200)),
                ("begin_s", models.BigIntegerField()),
                ("first", models.FloatField()),
                ("high", models.FloatField()),
                ("low", models.FloatField()),
                ("last", models.FloatField()),
            ],
            options={
                "indexes": [models.Index(fields=["cell", "begin_s"], name="candles_by_time")],
                "constraints": [
                    models.UniqueConstraint(fields=("cell", "market", "begin_s"), name="one_candle_a_minute")
                ],
            },
        ),
    ]
