"""A Celery worker and beat as processes of their own, which can be killed."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from django.conf import settings

COMMANDS = {
    "worker": ["worker", "--pool", "threads", "--concurrency", "2", "--without-gossip", "--without-mingle"],
    "beat": ["beat", "--pidfile=", "--max-interval", "1"],
}
Seen = TypeVar("Seen")


@dataclass
class CeleryPrograms:
    """Starts the programs on the test's database; their output is in ``logs``."""

    logs: Path
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self, *names: str) -> None:
        """Start "worker", "beat" or both."""
        given = {
            "database": settings.DATABASES["default"]["NAME"],
            "queue": settings.CELERY_TASK_DEFAULT_QUEUE,
            "cache": settings.CACHES["default"]["KEY_FUNCTION"]("", "", 1),
            "media": str(settings.MEDIA_ROOT),
        }
        for name in names:
            with (self.logs / f"{name}.log").open("ab") as log:
                self.running[name] = subprocess.Popen(
                    [sys.executable, "-m", "tests.journeys.celery_process", *COMMANDS[name], "--loglevel", "INFO"],
                    cwd=settings.BASE_DIR,
                    env={**os.environ, "HEALTHHUB_TEST_SETTINGS": json.dumps(given), "OPENBLAS_NUM_THREADS": "1"},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )

    def kill(self, name: str) -> None:
        """SIGKILL: it can neither finish nor tidy up."""
        process = self.running.pop(name)
        process.kill()
        assert process.wait(10) == -signal.SIGKILL

    def stop(self) -> None:
        """End what still runs."""
        for process in self.running.values():
            process.terminate()
        for process in self.running.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        self.running.clear()

    def said(self) -> str:
        """The end of what the programs wrote, for the message of a failed test."""
        return "\n".join(f"{log.name}: {log.read_text()[-3000:]}" for log in sorted(self.logs.glob("*.log")))


def wait_for(seen: Callable[[], Seen | None], *, seconds: float, every: float = 0.2) -> Seen | None:
    """What ``seen`` answers once it answers something, None after so many seconds."""
    deadline = time.monotonic() + seconds
    while True:
        answer = seen()
        if answer or time.monotonic() > deadline:
            return answer
        time.sleep(every)
