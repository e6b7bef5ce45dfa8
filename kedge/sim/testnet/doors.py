"""The sockets of the control door: lines of JSON, or HTTP on the same port, as the first bytes say.

    {"do":"price","symbol":"linear:BTCUSDT","price":"61000"}        one object a line, one answer a line
    curl localhost:9100 -d '{"do":"price", ...}'                    the same, as a body
    curl localhost:9100/price -d '{"symbol": ...}'                  the order in the path
    curl localhost:9100/stats                                       what has no members may be got

A browser's pages are turned away (they come with an Origin): a web page must not move somebody's market.
"""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from kedge.sim.testnet.control import Control

LINE_MAX = 65_536
BODY_MAX = 1 << 20
HEADERS_MAX = 64
VERBS = (b"GET ", b"POST ", b"PUT ", b"HEAD ", b"DELETE ", b"OPTIONS ", b"PATCH ")
READ_ONLY = ("", "help", "stats", "truth")


async def serve_control(control: Control, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One visitor, until he goes. The reader's limit is `LINE_MAX`."""
    try:
        while line := await reader.readline():
            if line.startswith(VERBS):
                if not await _http(control, line, reader, writer):
                    break
            elif line.strip():
                writer.write(msgspec.json.encode(control.answer(line)) + b"\n")
                await writer.drain()
    except (OSError, ValueError, asyncio.IncompleteReadError):
        pass  # Gone, or a line beyond the limit.
    finally:
        writer.close()


async def _http(
    control: Control, line: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> bool:
    """One exchange of HTTP/1.1; whether another may follow."""
    headers: dict[str, str] = {}
    while (header := (await reader.readline()).strip()) and len(headers) < HEADERS_MAX:
        name, _, value = header.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    length = headers.get("content-length", "0")
    if not length.isdecimal() or int(length) > BODY_MAX:
        _say(writer, 413, {"ok": False, "text": f"A body has at most {BODY_MAX} bytes."}, last=True)
        return False
    if headers.get("expect", "").lower() == "100-continue":
        writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    body = await reader.readexactly(int(length))
    status, answer = _answer(control, line, headers, body)
    last = headers.get("connection", "").lower() == "close" or b"HTTP/1.0" in line
    _say(writer, status, answer, last=last)
    await writer.drain()
    return not last


def _answer(control: Control, line: bytes, headers: dict[str, str], body: bytes) -> tuple[int, Any]:
    method, _, rest = line.decode("latin-1").partition(" ")
    path = rest.partition(" ")[0].partition("?")[0].strip("/")
    if "origin" in headers:
        return 403, {"ok": False, "text": "This door is not for web pages."}
    if method == "GET" and path not in READ_ONLY:
        return 405, {"ok": False, "text": f"{path} changes something: POST it."}
    if method not in ("GET", "POST"):
        return 405, {"ok": False, "text": "GET or POST."}
    if path or method == "GET":
        try:
            members = msgspec.json.decode(body or b"{}", type=dict[str, msgspec.Raw])
        except (msgspec.DecodeError, RecursionError) as error:
            return 400, {"ok": False, "text": f"Not a JSON object: {error}"}
        body = msgspec.json.encode({**members, "do": path or "help"})
    answer = control.answer(body)
    return (200 if answer["ok"] else 400), answer


def _say(writer: asyncio.StreamWriter, status: int, answer: Any, *, last: bool) -> None:
    reasons = {200: "OK", 400: "Bad Request", 403: "Forbidden", 405: "Method Not Allowed"}
    body = msgspec.json.format(msgspec.json.encode(answer), indent=2) + b"\n"
    head = (
        f"HTTP/1.1 {status} {reasons.get(status, 'Content Too Large')}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        f"Connection: {'close' if last else 'keep-alive'}\r\n\r\n"
    )
    writer.write(head.encode() + body)
