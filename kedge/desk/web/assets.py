"""Files of the pages (styles, scripts, pictures), served by the desk itself from memory.

An address carries a digest of the file (`?v=`), so a browser may keep it for ever and still gets the new one
after an upgrade.
"""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from functools import lru_cache
from pathlib import Path

from django.contrib.staticfiles import finders
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotModified
from msgspec import Struct

FILES_KEPT = 256
GZIP_LEAST = 1024
TEXTS = (".css", ".js", ".svg", ".json", ".txt", ".map")
YEAR_S = 31_536_000


class Asset(Struct, frozen=True):
    body: bytes
    packed: bytes  # empty where packing does not help
    digest: str
    kind: str


def serve(request: HttpRequest, path: str) -> HttpResponse:
    asset = find(path)
    if asset is None:
        raise Http404(path)
    tag = f'"{asset.digest}"'
    if request.headers.get("If-None-Match") == tag:
        return HttpResponseNotModified()
    packed = bool(asset.packed) and "gzip" in request.headers.get("Accept-Encoding", "")
    response = HttpResponse(asset.packed if packed else asset.body, content_type=asset.kind)
    if packed:
        response["Content-Encoding"] = "gzip"
    response["Vary"] = "Accept-Encoding"
    response["ETag"] = tag
    named = request.GET.get("v") == asset.digest
    response["Cache-Control"] = f"public, max-age={YEAR_S}, immutable" if named else "public, max-age=300"
    return response


def address(path: str) -> str:
    """Where a template finds a file; a missing one is a mistake of ours, seen by the tests."""
    asset = find(path)
    assert asset is not None, f"there is no file {path} among the static ones"
    return f"/static/{path}?v={asset.digest}"


@lru_cache(maxsize=FILES_KEPT)
def find(path: str) -> Asset | None:
    found = finders.find(path)
    if not found:
        return None
    file = Path(str(found))
    body = file.read_bytes()
    kind = mimetypes.guess_type(path)[0] or "application/octet-stream"
    if file.suffix in TEXTS:
        kind = "text/javascript; charset=utf-8" if file.suffix == ".js" else f"{kind}; charset=utf-8"
    packed = gzip.compress(body, 9, mtime=0) if file.suffix in TEXTS and len(body) > GZIP_LEAST else b""
    return Asset(body, packed, hashlib.sha256(body).hexdigest()[:16], kind)
