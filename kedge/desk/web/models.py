"""What the desk itself keeps about people: how they like their pages, their tokens, the curve of their money,
and prices for charts.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.utils.translation import gettext_lazy as _

from kedge.desk.commands import ROLES

PRICE_DIGITS, PRICE_PLACES = 60, 30


class Profile(models.Model):
    """What a person chose, and whether they must choose a password of their own first."""

    THEMES = (("", _("as the system has it")), ("light", _("light")), ("dark", _("dark")))

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="profile")
    language = models.CharField(max_length=8, blank=True, default="")
    zone = models.CharField(max_length=64, blank=True, default="")
    theme = models.CharField(max_length=8, blank=True, default="", choices=THEMES)
    must_change_password = models.BooleanField(default=False)
    rows = models.PositiveSmallIntegerField(default=50)

    def __str__(self) -> str:
        return str(self.user)


def profile_of(user: AbstractBaseUser) -> Profile:
    made, _new = Profile.objects.get_or_create(user_id=user.pk)
    return made


class ApiToken(models.Model):
    """A key for programs. Only a digest is kept: the token itself is shown once."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=60)
    hint = models.CharField(max_length=12)
    digest = models.CharField(max_length=64, unique=True)
    role = models.CharField(max_length=8, choices=[(role, role) for role in ROLES], default="look")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"{self.name} ({self.hint}…)"


class EquitySample(models.Model):
    """What the desk was worth at a minute, per asset that profit is counted in."""

    cell = models.CharField(max_length=32)
    minute_ns = models.BigIntegerField()
    asset = models.CharField(max_length=32)
    equity = models.DecimalField(max_digits=PRICE_DIGITS, decimal_places=PRICE_PLACES)
    realised = models.DecimalField(max_digits=PRICE_DIGITS, decimal_places=PRICE_PLACES)
    unrealised = models.DecimalField(max_digits=PRICE_DIGITS, decimal_places=PRICE_PLACES)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("cell", "asset", "minute_ns"), name="one_sample_a_minute"),
        )

    def __str__(self) -> str:
        return f"{self.cell} {self.minute_ns} {self.asset}"


class PriceMinute(models.Model):
    """A candle of one minute, for charts. Floats: no order is priced by them."""

    cell = models.CharField(max_length=32)
    market = models.CharField(max_length=200)
    begin_s = models.BigIntegerField()
    first = models.FloatField()
    high = models.FloatField()
    low = models.FloatField()
    last = models.FloatField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("cell", "market", "begin_s"), name="one_candle_a_minute"),
        )
        indexes = (models.Index(fields=("cell", "begin_s"), name="candles_by_time"),)

    def __str__(self) -> str:
        return f"{self.cell} {self.begin_s} {self.market}"
