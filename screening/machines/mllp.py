"""The MLLP server: frames in, acknowledgements out. What a message means is settled in ``receiving``, in threads.

A sender may be slow, huge, broken or one of many: each of these ends its own connection and nothing else.
"""

import asyncio
import logging
import ssl
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

from django.db import connections
from hl7.mllp import HL7StreamReader, HL7StreamWriter, start_hl7_server

from screening.machines.answers import acknowledge
from screening.machines.receiving import receive

logger = logging.getLogger(__name__)

LARGEST: Final = 1024 * 1024  # bytes of a message; a result has some kilobytes
_START, _END = b"\x0b", b"\x1c\r"


@dataclass(slots=True)
class Limits:
    """What one sender, and all together, may take. Seconds: between messages, and from a message's first byte to its
    last."""

    idle: float = 600
    message: float = 30
    per_peer: int = 8
    connections: int = 100
    threads: int = 4


@dataclass(slots=True)
class MllpServer:
    """Serves until ``stop``; ``port`` is known once started (0 asks for a free one)."""

    host: str
    port: int
    tls: ssl.SSLContext | None = None
    limits: Limits = field(default_factory=Limits)
    _callers: Counter[str] = field(default_factory=Counter)
    _server: asyncio.Server | None = None
    _pool: ThreadPoolExecutor | None = None
    _tasks: set["asyncio.Task[None]"] = field(default_factory=set)

    async def start(self) -> None:
        """Listen."""
        self._pool = ThreadPoolExecutor(self.limits.threads, thread_name_prefix="mllp")
        self._server = await start_hl7_server(self._serve, self.host, self.port, limit=LARGEST, ssl=self.tls)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Take no more calls, answer what is at hand, hang up."""
        assert self._server
        assert self._pool
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._pool.shutdown()

    async def _serve(self, reader: HL7StreamReader, writer: HL7StreamWriter) -> None:
        peer = (writer.get_extra_info("peername") or ("",))[0]
        task = asyncio.current_task()
        assert task
        if self._callers.total() >= self.limits.connections or self._callers[peer] >= self.limits.per_peer:
            logger.warning("MLLP: too many connections, %s is turned away", peer)
            writer.close()
            return
        self._callers[peer] += 1
        self._tasks.add(task)
        try:
            while (raw := await self._frame(reader, writer, peer)) is not None:
                loop = asyncio.get_running_loop()
                work = loop.run_in_executor(self._pool, _answered(raw, peer))
                answer = await asyncio.shield(work)
                writer.writeblock(answer)
                await asyncio.wait_for(writer.drain(), self.limits.message)
        except (TimeoutError, asyncio.IncompleteReadError, ConnectionError):
            logger.info("MLLP: connection of %s ended", peer)
        except asyncio.CancelledError:
            logger.info("MLLP: connection of %s closed, the server stops", peer)
        finally:
            self._callers[peer] -= 1
            self._tasks.discard(task)
            writer.close()

    async def _frame(self, reader: HL7StreamReader, writer: HL7StreamWriter, peer: str) -> bytes | None:
        """The next message; None at the end of the connection, which broken framing and too large a message bring."""
        first = b"\r"
        while first in (b"\r", b"\n"):  # some senders put an empty line between messages
            first = await asyncio.wait_for(reader.read(1), self.limits.idle)
        if not first:
            return None
        if first != _START:
            logger.warning("MLLP: %s sends something that is no MLLP", peer)
            return None
        try:
            return (await asyncio.wait_for(reader.readuntil(_END), self.limits.message))[: -len(_END)]
        except asyncio.LimitOverrunError:
            logger.warning("MLLP: a message of %s is larger than %d bytes", peer, LARGEST)
            writer.writeblock(acknowledge(None, "AR", f"The message is larger than {LARGEST} bytes.").encode())
            await asyncio.wait_for(writer.drain(), self.limits.message)
            return None


def _answered(raw: bytes, peer: str) -> Callable[[], bytes]:
    def work() -> bytes:
        try:
            return receive(raw, peer=peer)
        finally:
            connections.close_all()  # messages are rare, and an idle thread must not hold one

    return work
