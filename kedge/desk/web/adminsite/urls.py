"""Where the admin is. Importing this registers everything it shows."""

from __future__ import annotations

from django.urls import path

from kedge.desk.web.adminsite import persons, preorders, rows
from kedge.desk.web.adminsite.site import site

__all__ = ["persons", "preorders", "rows", "urlpatterns"]

urlpatterns = [path("admin/", site.urls)]
