"""Addresses of the lists and of the things in them. A list's file and its news are beneath it."""

from __future__ import annotations

from django.urls import URLPattern, path

from kedge.desk.web.lists import listings, persons, preorders, schedules, things, views

# The list of preorders joins the others when its module is read.
assert preorders.NAME in listings.LISTS

# Before the things themselves: `orders/csv/` is no order.
urlpatterns: list[URLPattern] = []
for _name in listings.LISTS:
    urlpatterns += [
        path(f"{_name}/", views.listing, {"name": _name}, name=_name),
        path(f"{_name}/csv/", views.exported, {"name": _name}, name=f"{_name}-csv"),
        path(f"{_name}/new/", views.news, {"name": _name}, name=f"{_name}-new"),
    ]

urlpatterns += [
    path("orders/<slug:client_id>/", things.order, name="order"),
    path("instruments/at/<path:market>/", things.instrument, name="instrument"),
    path("journal/<int:seq>/", things.record, name="record"),
    path("schedules/", schedules.schedules, name="schedules"),
    path("schedules/new/", schedules.edit, name="schedule-new"),
    path("schedules/rhythm/", schedules.rhythm_of, name="schedule-rhythm"),
    path("schedules/of/<str:name>/", schedules.edit, name="schedule"),
    path("people/", persons.people, name="people"),
]
