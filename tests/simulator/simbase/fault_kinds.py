"""The faults that any server can have. The table at the end says for each whether the action took effect."""

from __future__ import annotations

import email.utils
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from simbase.faults import FaultKind
from simbase.messages import Request, Response
from simbase.wire import Wire

MEGABYTE = 1 << 20
BOM = b"\xef\xbb\xbf"


@dataclass
class Answer:
    """The true response, if the action took effect, and a way to make an error in the requested format."""

    request: Request
    response: Response
    error: Callable[[int, str], Response]


def _refuse(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    wire.refuse_connections(int(options["connections"]))
    wire.reset()


def _reset(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    wire.reset()


def _timeout(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    wire.pause(float(options["seconds"]))
    wire.close()


def _slow_headers(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    head = wire.head(answer.response)
    step = max(1, math.ceil(len(head) / 10))
    for start in range(0, len(head), step):
        wire.pause(float(options["seconds"]) / 10)
        wire.write(head[start : start + step])
    wire.write(answer.response.body)


def _slow_body(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    wire.write(wire.head(answer.response))
    body = answer.response.body
    step = max(1, math.ceil(len(body) / 10))
    for start in range(0, len(body), step):
        wire.pause(float(options["seconds"]) / 10)
        wire.write(body[start : start + step])


def _truncated_body(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    body = answer.response.body
    wire.write(wire.head(answer.response) + body[: int(len(body) * float(options["share"]))])
    wire.close()


def _malformed_body(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    half = answer.response.body[: max(1, len(answer.response.body) // 2)]
    _replace(wire, answer, half + b'\x00<&{"')


def _empty_body(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    _replace(wire, answer, b"")


def _wrong_content_type(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    answer.response.headers["Content-Type"] = str(options["content_type"])
    wire.send(answer.response)


def _bom(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    _replace(wire, answer, BOM + answer.response.body)


def _encoding(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    text = answer.response.body.decode("utf-8-sig")
    _replace(wire, answer, text.encode(str(options["encoding"]), "replace"))


def _html(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    title = options["title"]
    page = f"<!DOCTYPE html><html><head><title>{title}</title></head><body><h1>{title}</h1><br></body></html>"
    headers = {"Content-Type": "text/html; charset=utf-8", "Via": "1.1 proxy.invalid"}
    wire.send(Response(int(options["status"]), page.encode(), headers))


def _status(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    response = answer.error(int(options["status"]), str(options["message"]))
    wait = options["retry_after"]
    if wait is not None and options["retry_after_as"] == "date":
        response.headers["Retry-After"] = email.utils.formatdate(time.time() + float(wait), usegmt=True)
    elif wait is not None:
        response.headers["Retry-After"] = str(wait)
    wire.send(response)


def _redirect(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    wire.send(Response(int(options["status"]), b"", {"Location": str(options["location"])}))


def _entity_bomb(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    last = int(options["levels"]) - 1
    numbers = range(1, last + 1)
    levels = "".join(f'<!ENTITY e{number} "' + f"&e{number - 1};" * 10 + '">' for number in numbers)
    bomb = f'<?xml version="1.0"?><!DOCTYPE bomb [<!ENTITY e0 "boom">{levels}]><Task>&e{last};</Task>'
    answer.response.headers["Content-Type"] = "application/xml; charset=utf-8"
    _replace(wire, answer, bomb.encode())


def _huge_body(wire: Wire, answer: Answer, options: dict[str, Any]) -> None:
    count = int(options["megabytes"])
    is_json = "json" in answer.response.headers.get("Content-Type", "")
    start, end = (b'{"Padding": "', b'"}') if is_json else (b"<Padding>", b"</Padding>")
    wire.write(wire.head(answer.response, len(start) + count * MEGABYTE + len(end)) + start)
    for _number in range(count):
        wire.write(b"x" * MEGABYTE)
    wire.write(end)


def _replace(wire: Wire, answer: Answer, body: bytes) -> None:
    answer.response.body = body
    wire.send(answer.response)


# name: (takes effect, how it is sent, options with defaults). effect None: always, it is made from the true answer.
FAULT_KINDS: dict[str, FaultKind] = {
    "refuse": FaultKind(False, _refuse, {"connections": 0}),
    "reset_before": FaultKind(False, _reset),
    "reset_after": FaultKind(True, _reset),
    "timeout": FaultKind(False, _timeout, {"seconds": 60}),
    "slow_headers": FaultKind(None, _slow_headers, {"seconds": 5}),
    "slow_body": FaultKind(None, _slow_body, {"seconds": 5}),
    "truncated_body": FaultKind(None, _truncated_body, {"share": 0.5}),
    "malformed_body": FaultKind(None, _malformed_body),
    "empty_body": FaultKind(None, _empty_body),
    "wrong_content_type": FaultKind(None, _wrong_content_type, {"content_type": "text/plain"}),
    "bom": FaultKind(None, _bom),
    "encoding": FaultKind(None, _encoding, {"encoding": "cp1252"}),
    "html": FaultKind(False, _html, {"status": 200, "title": "Proxy authentication"}),
    "status": FaultKind(
        False,
        _status,
        {"status": 503, "message": "Injected fault.", "retry_after": None, "retry_after_as": "seconds"},
    ),
    "redirect": FaultKind(False, _redirect, {"status": 302, "location": "https://elsewhere.invalid/api/"}),
    "entity_bomb": FaultKind(None, _entity_bomb, {"levels": 10}),
    "huge_body": FaultKind(None, _huge_body, {"megabytes": 200}),
}
