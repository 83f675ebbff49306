import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from healthhub.processes import Program, keep_running, stop_all, stop_running

ROOT = Path(__file__).resolve().parent.parent.parent
SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


def eventually(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_stopping_ends_a_program_and_what_it_started_even_if_it_will_not_listen(tmp_path, monkeypatch):
    monkeypatch.setattr("healthhub.processes.STOP_SECONDS", 0.5)
    deaf = (
        "import signal, subprocess, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        "print(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']).pid, flush=True); time.sleep(60)"
    )
    program = Program("deaf", [sys.executable, "-c", deaf], tmp_path / "log")
    program.start(cwd=tmp_path, env=os.environ)
    eventually(lambda: program.tail().strip())
    child = int(program.tail())
    assert alive(child)
    stop_all([program])
    eventually(lambda: not alive(child))
    assert program.process.returncode == -signal.SIGKILL


def test_a_program_that_keeps_ending_is_started_again_and_then_given_up_with_its_log(tmp_path, capsys):
    program = Program("web", [sys.executable, "-c", "print('no luck'); raise SystemExit(3)"], tmp_path / "log")
    program.start(cwd=tmp_path, env=os.environ)
    reason = keep_running([program], cwd=tmp_path, env=os.environ)
    assert "web keeps ending (exit code 3)" in reason
    assert reason.count("no luck") == 4
    assert capsys.readouterr().out.count("starting it again") == 3


def test_what_a_killed_program_leaves_behind_ends_before_it_is_started_again(tmp_path):
    parent = (
        "import pathlib, subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "file = pathlib.Path('children').open('a'); print(child.pid, file=file, flush=True); time.sleep(60)"
    )
    program = Program("web", [sys.executable, "-c", parent], tmp_path / "log")
    children = tmp_path / "children"
    program.start(cwd=tmp_path, env=os.environ)
    eventually(lambda: children.exists() and children.read_text())

    def kill_then_end() -> list[str]:
        started = children.read_text().split()
        if len(started) == 1:
            program.process.kill()
        else:
            raise KeyboardInterrupt
        return []

    with pytest.raises(KeyboardInterrupt):
        keep_running([program], cwd=tmp_path, env=os.environ, revive=kill_then_end)
    first, second = map(int, children.read_text().split())
    assert (alive(first), alive(second)) == (False, True)
    stop_all([program])


def test_stop_finds_the_running_one_by_its_lock_and_waits_for_its_end(tmp_path):
    holder = (
        "import signal, sys, time; from pathlib import Path; from healthhub.processes import only_one\n"
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))\n"
        "with only_one(Path(sys.argv[1])):\n print('held', flush=True); time.sleep(60)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", holder, str(tmp_path)], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    assert stop_running(tmp_path) == ["the demo"]
    process.communicate(timeout=10)
    assert process.returncode == 0
    assert stop_running(tmp_path) == []  # the file is still there, but nobody holds it


def test_a_step_that_is_broken_off_ends_with_the_processes_that_it_started(tmp_path):
    step = (
        "import pathlib, subprocess, sys, time;"
        "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
        "pathlib.Path('child').write_text(str(child.pid)); time.sleep(60)"
    )
    runner = "import os, signal, sys; from pathlib import Path; from healthhub.processes import run\n"
    runner += "signal.signal(signal.SIGINT, signal.default_int_handler)\n"  # a shell's background jobs ignore it
    runner += "run([sys.executable, '-c', sys.argv[1]], cwd=Path(sys.argv[2]), env=os.environ)"
    process = subprocess.Popen([sys.executable, "-c", runner, step, str(tmp_path)], cwd=ROOT, stderr=subprocess.DEVNULL)
    eventually(lambda: (tmp_path / "child").exists() and (tmp_path / "child").read_text())
    child = int((tmp_path / "child").read_text())
    process.send_signal(signal.SIGINT)
    process.wait(60)
    eventually(lambda: not alive(child))
