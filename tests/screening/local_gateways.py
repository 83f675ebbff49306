"""Real gateways on this machine: an HTTP server that speaks as SMS and Zalo gateways do, and an SMTP server."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from aiosmtpd.controller import Controller

Answer = tuple[int, dict[str, Any], dict[str, str]]


@dataclass
class Office:
    """What the gateway was given, in order. ``rules`` decide each answer: the first that answers for a body wins, and
    without one the message is delivered, once for each key."""

    url: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)
    delivered: dict[str, dict[str, Any]] = field(default_factory=dict)
    headers: list[dict[str, str]] = field(default_factory=list)
    rules: list[Callable[[dict[str, Any]], Answer | None]] = field(default_factory=list)
    after: Callable[[dict[str, Any]], None] = lambda body: None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, body: dict[str, Any], headers: dict[str, str]) -> Answer:
        with self.lock:
            self.taken.append(body)
            self.headers.append(headers)
            for rule in self.rules:
                if (said := rule(body)) is not None:
                    return said
            key = headers.get("Idempotency-Key") or body.get("tracking_id", "")
            self.delivered.setdefault(key, body)
            number = list(self.delivered).index(key) + 1
        return 200, {"id": f"gw-{number}", "error": 0, "data": {"msg_id": f"gw-{number}"}}, {}


@contextmanager
def http_office() -> Iterator[Office]:
    """An HTTP gateway on a free port."""
    office = Office()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            status, said, headers = office.answer(body, dict(self.headers.items()))
            content = json.dumps(said).encode()
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(content))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            office.after(body)

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    office.url = f"http://127.0.0.1:{server.server_address[1]}/send"
    try:
        yield office
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Postbox:
    """An SMTP server's letters; ``refuse`` answers a reply for a recipient, or None."""

    port: int = 0
    letters: list[Any] = field(default_factory=list)
    refuse: Callable[[str], str | None] = lambda address: None

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: Any) -> str:
        if reply := self.refuse(address):
            return reply
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        self.letters.append(message_from_bytes(envelope.content, policy=policy.default))
        return "250 OK"


@contextmanager
def smtp_office() -> Iterator[Postbox]:
    """An SMTP server on a free port."""
    import socket

    box = Postbox()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        box.port = probe.getsockname()[1]
    controller = Controller(box, hostname="127.0.0.1", port=box.port)
    controller.start()
    try:
        yield box
    finally:
        controller.stop()
