"""Every address of the desk. A room of its own brings its routes in a module that is listed in `ROOMS`."""

from __future__ import annotations

import importlib.util

from django.urls import URLPattern, URLResolver, include, path

from kedge.desk.web import assets
from kedge.desk.web.pages import session, yours

# Modules with `urlpatterns`; one that is not built is left out.
ROOMS = (
    "kedge.desk.web.pages.routes",
    "kedge.desk.web.api.urls",
    "kedge.desk.web.lists.urls",
    "kedge.desk.web.trade.urls",
    "kedge.desk.web.preorders.urls",
    "kedge.desk.web.adminsite.urls",
)

urlpatterns: list[URLPattern | URLResolver] = [
    path("static/<path:path>", assets.serve, name="asset"),
    path("favicon.ico", assets.serve, {"path": "desk/anchor.svg"}),
    path("sign-in/", session.sign_in, name="sign-in"),
    path("sign-in/code/", session.code, name="sign-in-code"),
    path("sign-out/", session.sign_out, name="sign-out"),
    path("language/", session.language, name="language"),
    path("you/", yours.profile, name="profile"),
    path("you/password/", yours.password, name="password"),
    path("you/two-factor/", yours.two_factor, name="two-factor"),
    path("you/tokens/", yours.tokens, name="tokens"),
]


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


urlpatterns += [path("", include(room)) for room in ROOMS if _is_there(room)]

handler400 = "kedge.desk.web.errors.bad_request"
handler403 = "kedge.desk.web.errors.permission_denied"
handler404 = "kedge.desk.web.errors.not_found"
handler500 = "kedge.desk.web.errors.failed"
