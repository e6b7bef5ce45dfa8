"""How many rows a person has on a page."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("desk", "0001_first"),
    ]

    operations = [
        migrations.AddField(
            model_name="profile",
            name="rows",
            field=models.PositiveSmallIntegerField(default=50),
        ),
    ]
