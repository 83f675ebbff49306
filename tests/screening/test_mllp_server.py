"""The MLLP server: many messages on a connection, and senders that are slow, huge, broken or too many."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from hl7.mllp import open_hl7_connection

from records.models import Facility
from screening.machines.mllp import LARGEST, Limits, MllpServer
from screening.models import ScreeningResult
from tests.screening.conftest import make_facility
from tests.screening.machine_messages import OBR, OBX, PID, connection_of, message, parts

pytestmark = pytest.mark.django_db(transaction=True)
Talk = Callable[[int], Awaitable[Any]]


@pytest.fixture
def station(db: None) -> Iterator[Facility]:
    station = make_facility("01901", "Trạm y tế Dịch Vọng")
    connection_of(station)
    return station


def talk(work: Talk, **limits: Any) -> Any:
    """Run a server and talk to it; what the talk answers."""

    async def run() -> Any:
        server = MllpServer("127.0.0.1", 0, limits=Limits(**limits))
        await server.start()
        try:
            return await asyncio.wait_for(work(server.port), 30)
        finally:
            await server.stop()

    return asyncio.run(run())


def framed(raw: bytes) -> bytes:
    return b"\x0b" + raw + b"\x1c\r"


async def read_answer(reader: asyncio.StreamReader) -> bytes:
    return (await reader.readuntil(b"\x1c\r")).strip(b"\x0b\x1c\r")


def test_several_messages_on_one_connection(station: Facility) -> None:
    async def work(port: int) -> list[tuple[str, str]]:
        reader, writer = await open_hl7_connection("127.0.0.1", port, encoding="utf-8")
        answers = []
        for number in range(1, 4):
            writer.writeblock(message(PID, OBR.replace("S001", f"S00{number}"), OBX, control=f"M{number}"))
            answers.append(parts(str(await reader.readmessage()).encode()))
        writer.close()
        return answers

    assert talk(work) == [("AA", "1 stored")] * 3
    assert ScreeningResult.objects.count() == 3


def test_messages_sent_without_waiting_are_answered_in_order(station: Facility) -> None:
    async def work(port: int) -> list[str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            framed(message()) + b"\r\n" + framed(message(PID, OBR, OBX.replace("|12.5|", "|x|"), control="M2"))
        )
        answers = [parts(await read_answer(reader))[0] for _number in range(2)]
        writer.close()
        return answers

    assert talk(work) == ["AA", "AE"]


def test_a_message_in_two_pieces_with_a_slow_line_between(station: Facility) -> None:
    async def work(port: int) -> str:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        whole = framed(message())
        writer.write(whole[:50])
        await writer.drain()
        await asyncio.sleep(0.2)
        writer.write(whole[50:])
        return parts(await read_answer(reader))[0]

    assert talk(work) == "AA"


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\n\r\n", b"MSH|no frame\x1c\r", b"\x0bMSH|^~\\&|never ends"])
def test_broken_framing_ends_the_connection_and_stores_nothing(station: Facility, sent: bytes) -> None:
    async def work(port: int) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        return await asyncio.wait_for(reader.read(), 5)

    assert talk(work, message=0.5) == b""


def test_a_sender_that_falls_silent_is_let_go(station: Facility) -> None:
    async def work(port: int) -> bytes:
        reader, _writer = await asyncio.open_connection("127.0.0.1", port)
        return await asyncio.wait_for(reader.read(), 5)

    assert talk(work, idle=0.3) == b""


def test_a_huge_message_is_refused_and_others_go_on(station: Facility) -> None:
    async def work(port: int) -> tuple[str, str]:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"\x0bMSH|^~\\&|" + b"x" * (LARGEST * 2))
        huge = parts(await read_answer(reader))[0]
        other, pen = await asyncio.open_connection("127.0.0.1", port)
        pen.write(framed(message()))
        return huge, parts(await read_answer(other))[0]

    assert talk(work) == ("AR", "AA")


def test_too_many_connections_of_one_sender_are_turned_away(station: Facility) -> None:
    async def work(port: int) -> bytes:
        kept = [await asyncio.open_connection("127.0.0.1", port) for _number in range(2)]
        await asyncio.sleep(0.1)
        reader, _writer = await asyncio.open_connection("127.0.0.1", port)
        found = await asyncio.wait_for(reader.read(), 5)
        for _reader, writer in kept:
            writer.close()
        return found

    assert talk(work, per_peer=2) == b""


def test_one_message_by_two_connections_at_once_is_stored_once(station: Facility) -> None:
    async def work(port: int) -> list[bytes]:
        async def one() -> bytes:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(framed(message()))
            return await read_answer(reader)

        return list(await asyncio.gather(*(one() for _number in range(4))))

    answers = talk(work)
    assert len(set(answers)) == 1
    assert ScreeningResult.objects.count() == 1
