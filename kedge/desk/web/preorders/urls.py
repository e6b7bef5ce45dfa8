"""Addresses of preorders' own pages; their list is among the other lists."""

from __future__ import annotations

from django.urls import path

from kedge.desk.web.preorders import pages

urlpatterns = [
    path("preorders/<str:word>/", pages.detail, name="preorder"),
    path("preorders/<str:word>/open/", pages.open_hedge, name="preorder-open"),
]
