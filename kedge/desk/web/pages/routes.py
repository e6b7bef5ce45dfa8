"""Addresses of the live pages, of the commands and of what machines ask."""

from __future__ import annotations

from django.urls import path

from kedge.desk.web import actions, live
from kedge.desk.web.pages import bot_forms, bots, machines, overview, upkeep

urlpatterns = [
    path("", overview.overview, name="overview"),
    *(path(name, machines.told) for name in ("metrics", "healthz", "readyz")),
    path("charts/equity.json", overview.equity, name="equity"),
    path("live/", live.stream, name="live"),
    path("do/<slug:slug>/", actions.do, name="do"),
    path("upkeep/", upkeep.upkeep, name="upkeep"),
    path("upkeep/test-notice/", upkeep.send_test, name="test-notice"),
    path("bots/", bots.bots, name="bots"),
    path("bots/new/", bot_forms.new, name="bot-new"),
    path("bots/new/<str:kind>/", bot_forms.new_of, name="bot-new-of"),
    path("bots/<str:name>/", bots.bot, name="bot"),
    path("bots/<str:name>/chart.json", bots.chart, name="bot-chart"),
    path("bots/<str:name>/amend/", bot_forms.amend, name="bot-amend"),
]
