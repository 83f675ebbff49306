"""Where the embedded servers keep their data and sockets, and as whom they run."""

import hashlib
import os
import pwd
import re
import shutil
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOCKET_LIMIT = 107  # bytes of a socket's path, on Linux (sockaddr_un.sun_path)
LONGEST_NAME = ".s.PGSQL.5432"
SAFE_PATH = re.compile(r"[A-Za-z0-9_./-]+")  # needs no quoting in a URL, a shell word or a server's option


class ServiceError(RuntimeError):
    """An embedded server could not be started; the message says why and what to do."""


@dataclass(frozen=True)
class Place:
    """Where the servers live and as whom they run. Only these folders belong to that user."""

    var: Path
    postgres: Path
    valkey: Path
    sockets: Path
    uid: int
    gid: int

    @classmethod
    def of(cls, var: Path) -> "Place":
        var = var.resolve()
        uid, gid = os.geteuid(), os.getegid()
        if uid == 0:
            nobody = pwd.getpwnam("nobody")
            uid, gid = nobody.pw_uid, nobody.pw_gid
        sockets = var / "run"
        if len(os.fsencode(sockets / LONGEST_NAME)) > SOCKET_LIMIT or not SAFE_PATH.fullmatch(str(sockets)):
            digest = hashlib.sha256(os.fsencode(var)).hexdigest()[:12]
            sockets = Path("/tmp") / f"healthhub-{os.geteuid()}-{digest}"
        return cls(var, var / "postgres", var / "valkey", sockets, uid, gid)

    def prepare(self) -> None:
        """Make the folders, private to the servers' user; refuse a folder that somebody else put there."""
        me = os.geteuid()
        for folder in (self.postgres, self.valkey, self.sockets):
            folder.mkdir(mode=0o700, exist_ok=True)
            if me != self.uid and folder.lstat().st_uid == me:
                os.chown(folder, self.uid, self.gid, follow_symlinks=False)
            if folder.is_symlink() or folder.stat().st_uid != self.uid:
                raise ServiceError(
                    f"{folder} belongs to another user. Start as that user, or set HEALTHHUB_VAR to another folder."
                )
            if folder.stat().st_mode & 0o077:
                folder.chmod(0o700)

    def run(self, *command: str | int | Path) -> subprocess.CompletedProcess[str]:
        """Run a server's program as the servers' user, away from this process's terminal, folder and environment."""
        words = [str(word) for word in command]
        return subprocess.run(
            [*become(self.uid, self.gid, Path(words[0]), self.var), *words],
            cwd="/",
            env={"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C", "TZ": "UTC"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )


@cache
def become(uid: int, gid: int, program: Path, folder: Path) -> tuple[str, ...]:
    """The command prefix with which root runs `program` as another user who can reach it and `folder`.

    Tries without privileges first, then with the capability to pass through closed folders (dac_read_search; containers
    often have only dac_override). Empty when not root.
    """
    if os.geteuid() != 0:
        return ()
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise ServiceError(
            "As root, PostgreSQL needs `setpriv` (Debian: util-linux) to run as another user. "
            "Install it, start as another user, or set DATABASE_URL and CELERY_BROKER_URL."
        )
    user = (setpriv, f"--reuid={uid}", f"--regid={gid}", "--clear-groups", "--no-new-privs")
    for capability in ("", "dac_read_search", "dac_override"):
        # no_setuid_fixup: otherwise access(2), with which initdb looks for its sister programs, ignores capabilities
        caps = (f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}", "--securebits=+no_setuid_fixup")
        extra = caps if capability else ()
        probe = ["/bin/sh", "-c", 'test -x "$0" && test -x "$1"', str(program), str(folder)]
        if subprocess.run([*user, *extra, *probe], cwd="/", capture_output=True, check=False).returncode == 0:
            return (*user, *extra)
    raise ServiceError(
        f"As root, PostgreSQL has to run as `nobody`, who cannot reach {program} or {folder}. "
        "Move the checkout, start as another user, or set DATABASE_URL and CELERY_BROKER_URL."
    )
