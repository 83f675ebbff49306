"""The few long-running programs of one machine: started together, watched, stopped together."""

import ctypes
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PIDFILE = "demo.pid"
STOP_SECONDS = 20
MAX_RESTARTS = 3
RESTART_WINDOW = 60  # seconds: a program that dies oftener than MAX_RESTARTS in this time is given up
PR_SET_PDEATHSIG = 1


class AlreadyRunning(RuntimeError):
    """Another process holds this folder; its pid is the argument."""


@dataclass
class Program:
    """One child process in a process group of its own, so that Ctrl-C in the terminal reaches only its parent."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    starts: list[float] = field(default_factory=list)

    def start(self, *, cwd: Path, env: Mapping[str, str]) -> None:
        self.starts = [moment for moment in self.starts if time.monotonic() - moment < RESTART_WINDOW]
        self.starts.append(time.monotonic())
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,
            )

    def ended(self) -> int | None:
        """The exit code if it ended by itself."""
        return self.process.poll() if self.process else None

    def end_what_it_left(self) -> None:
        """Kill its children that outlived it: they would hold its port, and the embedded servers, for ever."""
        if self.process:
            with suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)

    def tail(self, lines: int = 10) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _end_with_parent() -> None:
    """On Linux, ask for SIGTERM when the parent dies, however it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def run(command: Sequence[str], *, cwd: Path, env: Mapping[str, str]) -> None:
    """Run a command in this terminal to its end; CalledProcessError if it fails. Broken off, it ends with its own."""
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_end_with_parent
    )
    try:
        code = process.wait()
    except BaseException:
        end_group(process, time.monotonic() + STOP_SECONDS)
        raise
    if code:
        raise subprocess.CalledProcessError(code, list(command))


def end_group(process: subprocess.Popen[bytes], deadline: float) -> None:
    """SIGTERM to the process; what is left of its group when it has ended, or at the deadline, is killed."""
    with suppress(ProcessLookupError):
        process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(max(0.1, deadline - time.monotonic()))
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def stop_all(programs: Sequence[Program]) -> None:
    """SIGTERM to all of them, then wait; what is left of a group after STOP_SECONDS is killed."""
    started = [program.process for program in programs if program.process]
    for process in started:
        with suppress(ProcessLookupError):
            process.terminate()
    deadline = time.monotonic() + STOP_SECONDS
    for process in started:
        end_group(process, deadline)


def keep_running(
    programs: Sequence[Program],
    *,
    cwd: Path,
    env: Mapping[str, str],
    revive: Callable[[], Sequence[str]] = tuple,
) -> str:
    """Restart whichever program ends, and say so; return why when one cannot be kept up.

    ``revive`` does the same for servers that these programs need, and gives the names of those it had to start.
    """
    while True:
        for name in revive():
            print(f"{name} ended; started it again", flush=True)
        for program in programs:
            code = program.ended()
            if code is None:
                continue
            if len(program.starts) > MAX_RESTARTS:
                return f"{program.name} keeps ending (exit code {code}); the end of {program.log}:\n{program.tail()}"
            print(f"{program.name} ended (exit code {code}, see {program.log}); starting it again", flush=True)
            program.end_what_it_left()
            program.start(cwd=cwd, env=env)
        time.sleep(0.5)  # programs that end on their own are looked for twice a second


@contextmanager
def only_one(var: Path) -> Iterator[None]:
    """Hold the folder for this process. The lock, not the number in the file, says whether one is running."""
    with (var / PIDFILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise AlreadyRunning(file.read().strip()) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def stop_running(var: Path) -> list[str]:
    """Ask the process that holds the folder to end, and wait until it has; its name if there was one."""
    try:
        file = (var / PIDFILE).open("r+")
    except FileNotFoundError:
        return []
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.kill(int(file.read()), signal.SIGTERM)
            fcntl.flock(file, fcntl.LOCK_EX)
            return ["the demo"]
    return []
