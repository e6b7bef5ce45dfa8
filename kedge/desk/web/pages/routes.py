"""Addresses of the live pages, of the commands and of what machines ask."""

from __future__ import annotations

from django.urls import path

from kedge.desk.web import actions, live
from kedge.desk.web.pages import bots, machines, overview

urlpatterns = [
    path("", overview.overview, name="overview"),
    *(path(name, machines.told) for name in ("metrics", "healthz", "readyz")),
    path("charts/equity.json", overview.equity, name="equity"),
    path("live/", live.stream, name="live"),
    path("do/<slug:slug>/", actions.do, name="do"),
    path("bots/", bots.bots, name="bots"),
    path("bots/new/", bots.new, name="bot-new"),
    path("bots/new/<str:kind>/", bots.new_of, name="bot-new-of"),
    path("bots/<str:name>/", bots.bot, name="bot"),
    path("bots/<str:name>/chart.json", bots.chart, name="bot-chart"),
    path("bots/<str:name>/amend/", bots.amend, name="bot-amend"),
]
