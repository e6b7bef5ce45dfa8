"""Addresses of a trader's pages."""

from __future__ import annotations

from django.urls import path

from kedge.desk.web.trade import lists, scans, starting, stashes, tasks

urlpatterns = [
    path("tasks/", tasks.tasks, name="tasks"),
    path("tasks/new/<slug:slug>/", starting.start, name="task-new"),
    path("tasks/<str:name>/amend/", tasks.amend, name="task-amend"),
    path("stashes/", stashes.stashes, name="stashes"),
    path("stashes/<str:name>/", stashes.stash, name="stash"),
    path("lists/", lists.lists, name="lists"),
    path("scan/", scans.scan, name="scan"),
    path("scan/csv/", scans.scan_file, name="scan-csv"),
    path("scan/dividends/", scans.dividends, name="dividends"),
    path("scan/dividends/csv/", scans.dividends_file, name="dividends-csv"),
]
