"""From a request to a typed struct, or to one sentence about what is wrong with it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest
from django.http.request import UnreadablePostError
from msgspec import Raw, Struct

from kedge.client import Refused
from kedge.model.sentences import mistake, unknown_name

S = TypeVar("S", bound=Struct)

BODY_BYTES = 256 * 1024
VALUE_MOST = 2000
KEY = re.compile(r"[A-Za-z0-9_-]{8,64}\Z")

# Fields that are passed on unread, and are objects.
OBJECTS = ("config", "args")

# Every list takes it, whatever else it takes; `door.py` looks at it.
FORMAT = "format"


class TooLong(Refused):
    def __init__(self) -> None:
        super().__init__(
            f"the request has more than {BODY_BYTES // 1024} KB; that is all the desk takes", "too-long"
        )


class NotJson(Refused):
    def __init__(self) -> None:
        super().__init__("send JSON, with the header Content-Type: application/json", "not-json")


def from_query(request: HttpRequest, shape: type[S], called: str) -> S:
    """Empty values count as not given. Raises `Refused` with the fault "usage"."""
    given: dict[str, str] = {}
    for name, values in request.GET.lists():
        if name == FORMAT:
            continue
        if name not in shape.__struct_fields__:
            raise Refused(unknown_name(name, shape.__struct_fields__, "parameter", called), "usage")
        if len(values) != 1:
            raise Refused(f"{called}: `{name}` is given {len(values)} times", "usage")
        _check_text(name, str(values[0]), called)
        if values[0] != "":
            given[name] = str(values[0])
    return _made(given, shape, called)


def from_body(request: HttpRequest, shape: type[S], called: str) -> S:
    """Raises `Refused`."""
    raw = body_of(request)
    if not raw.strip() and not [name for name in shape.__struct_fields__ if _required(shape, name)]:
        raw = b"{}"
    try:
        made = msgspec.json.decode(raw, type=shape)
    except msgspec.DecodeError as error:
        raise Refused(mistake(error, shape, called), "usage") from None
    except UnicodeDecodeError:
        raise Refused(f"{called}: this cannot be read: it is not UTF-8", "usage") from None
    for name in shape.__struct_fields__:
        value = getattr(made, name)
        if name in OBJECTS and isinstance(value, Raw) and not bytes(value).lstrip().startswith(b"{"):
            raise Refused(f"{called}: `{name}` must be a table of names and values", "usage")
    return made


def body_of(request: HttpRequest) -> bytes:
    kind = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    length = request.headers.get("Content-Length", "")
    if length.isdigit() and int(length) > BODY_BYTES:
        raise TooLong()
    try:
        raw = request.body
    except RequestDataTooBig:
        raise TooLong() from None
    except UnreadablePostError:
        raise Refused("the request broke off", "usage") from None
    if len(raw) > BODY_BYTES:
        raise TooLong()
    if raw and kind != "application/json":
        raise NotJson()
    if b"\\u0000" in raw:
        raise Refused("a text has a zero byte in it", "usage")
    return raw


def key_of(request: HttpRequest) -> str:
    """The idempotency key, "" where none was given. Raises `Refused`."""
    key = request.headers.get("Idempotency-Key", "")
    if key and not KEY.match(key):
        raise Refused("`Idempotency-Key` is 8 to 64 letters, digits, `-` and `_`", "usage")
    return key


def plain(made: Struct) -> dict[str, Any]:
    """The fields that were given another value than their default; Raw as it came."""
    return {
        name: value for name in made.__struct_fields__ if (value := getattr(made, name)) not in ("", None)
    }


def _made(given: Mapping[str, Any], shape: type[S], called: str) -> S:
    try:
        return msgspec.convert(given, shape, strict=False)
    except msgspec.ValidationError as error:
        raise Refused(mistake(error, shape, called), "usage") from None


def _check_text(name: str, value: str, called: str) -> None:
    if "\0" in value:
        raise Refused(f"{called}: `{name}` has a zero byte in it", "usage")
    if len(value) > VALUE_MOST:
        raise Refused(f"{called}: `{name}` may have {VALUE_MOST} characters", "usage")


def _required(shape: type[Struct], name: str) -> bool:
    return any(one.name == name and one.required for one in msgspec.structs.fields(shape))
