"""A load generator: a few keep-alive connections, one thread, raw HTTP, so that it takes little of the shared cores."""

import selectors
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

Request = Callable[[], bytes]


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gave: requests a second, latencies in milliseconds, and the answers that were no 2xx."""

    rate: float
    p50: float
    p99: float
    requests: int
    failures: int


def http(method: str, path: str, token: str, body: bytes = b"") -> bytes:
    """The bytes of one request."""
    head = f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n"
    if body:
        head += f"Content-Type: application/fhir+json\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"\r\n" + body


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = bytearray()
        self.started = 0.0

    def send(self, request: bytes) -> None:
        self.buffer.clear()
        self.started = time.perf_counter()
        self.socket.sendall(request)

    def receive(self) -> int | None:
        """The status once the whole answer is here."""
        chunk = self.socket.recv(262144)
        if not chunk:
            raise ConnectionError("the server closed the connection")
        self.buffer += chunk
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        head = bytes(self.buffer[:end]).lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15 :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        return int(head[9:12]) if len(self.buffer) >= end + 4 + length else None


def run(port: int, request: Request, *, seconds: float = 8, connections: int = 8, warmup: float = 1.5) -> Result:
    """Send requests over all connections for some seconds, each as soon as its connection has the answer before."""
    selector = selectors.DefaultSelector()
    for _ in range(connections):
        connection = _Connection(port)
        selector.register(connection.socket, selectors.EVENT_READ, connection)
        connection.send(request())
    begin = time.perf_counter() + warmup
    end = begin + seconds
    latencies: list[float] = []
    failures = 0
    while (now := time.perf_counter()) < end:
        for key, _ in selector.select(timeout=1):
            connection = key.data
            status = connection.receive()
            if status is None:
                continue
            if now >= begin:
                latencies.append(time.perf_counter() - connection.started)
                failures += not 200 <= status < 300
            connection.send(request())
    for key in list(selector.get_map().values()):
        key.data.socket.close()
    latencies.sort()
    return Result(
        rate=len(latencies) / seconds,
        p50=latencies[len(latencies) // 2] * 1000,
        p99=latencies[int(len(latencies) * 0.99)] * 1000,
        requests=len(latencies),
        failures=failures,
    )
