"""What machines ask of the same port: /metrics, /healthz, /readyz, as `desk/meters_port.py` answers."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse

from kedge.desk import meters_port
from kedge.desk.meters_port import Asked
from kedge.desk.web import project
from kedge.desk.web.headers import address_of


async def told(request: HttpRequest) -> HttpResponse:
    here = project.context()
    asked = Asked(
        request.path.rstrip("/"),
        peer=address_of(request),
        host=request.get_host(),
        authorization=request.headers.get("Authorization", ""),
    )
    name = here.settings.metrics.token
    token = here.secrets.find(name, "[metrics] token").reveal() if name else ""
    answer = meters_port.answer(asked, meters_port.picture_of(here), token)
    return HttpResponse(answer.body, status=answer.status, content_type=answer.kind)
