"""Work shared out among processes that each use an own database connection."""

import gc
import traceback
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from typing import TypeVar

from django.db import connections

Item = TypeVar("Item")


class Failed(Exception):
    """A process could not do its work; the text is its traceback."""


def share_out(work: Callable[[Item], int], items: Sequence[Item], *, processes: int) -> Iterator[tuple[Item, int]]:
    """Do `work` for every item and yield each with its answer, in the order in which they get done.

    Item k goes to process k modulo `processes`, so that a process needs nothing from this one once it runs; if this one
    is killed, the others finish the item at hand and stop. Raises `Failed`, and stops the others, if one fails.
    """
    if processes < 2:
        for item in items:
            yield item, work(item)
        return
    connections.close_all()  # a connection must not be used by two processes
    gc.freeze()  # what is there stays shared memory
    context = get_context("fork")
    running: dict[Connection, ForkProcess] = {}
    try:
        for turn in range(processes):
            here, there = context.Pipe(duplex=False)
            process = context.Process(target=_do, args=(work, items, turn, processes, there, [here, *running]))
            process.start()
            there.close()
            running[here] = process
        while running:
            for channel in wait(list(running)):
                assert isinstance(channel, Connection)
                try:
                    index, answer = channel.recv()
                except EOFError:
                    _ended(running.pop(channel))
                    continue
                if isinstance(answer, str):
                    raise Failed(answer)
                yield items[index], answer
    finally:
        for process in running.values():
            process.terminate()
            process.join()
        gc.unfreeze()


def _do(
    work: Callable[[Item], int],
    items: Sequence[Item],
    turn: int,
    step: int,
    channel: Connection,
    others: list[Connection],
) -> None:
    for other in others:  # or this process would keep alive what it should see break
        other.close()
    try:
        for index in range(turn, len(items), step):
            channel.send((index, work(items[index])))
    except (BrokenPipeError, KeyboardInterrupt):
        pass
    except Exception:
        channel.send((0, traceback.format_exc()))
    finally:
        connections.close_all()


def _ended(process: ForkProcess) -> None:
    process.join()
    if process.exitcode:
        raise Failed(f"A loading process ended with exit code {process.exitcode}.")
