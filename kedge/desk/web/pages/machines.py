"""What machines ask of the same port: /metrics, /healthz, /readyz, as `desk/meters_port.py` answers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse

from kedge.desk import meters_port
from kedge.desk.meters_port import Asked
from kedge.desk.web import project
from kedge.desk.web.headers import address_of
from kedge.settings import SettingsWrong


def token_for(path: str) -> str:
    """Raises `SettingsWrong` where the secret that is named is not there."""
    here = project.context()
    return "" if path == "/healthz" else meters_port.token_of(here.settings.metrics, here.secrets)


async def told(request: HttpRequest) -> HttpResponse:
    """Whether this process turns may be known to whoever asks; the rest needs the token, where one is set."""
    here = project.context()
    asked = Asked(
        request.path.rstrip("/"),
        peer=address_of(request),
        host=request.get_host(),
        authorization=request.headers.get("Authorization", ""),
    )
    try:
        token = token_for(asked.path)
    except SettingsWrong as wrong:
        return JsonResponse({"error": {"says": str(wrong)}}, status=503)
    answer = meters_port.answer(asked, meters_port.picture_of(here), token)
    return HttpResponse(answer.body, status=answer.status, content_type=answer.kind)
