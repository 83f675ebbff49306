"""Folders into which analysers drop ASTM files: each file is taken in as a batch, then moved to done/ or failed/.

Every file is on the machine's page: with its counts, or with the reason why it could not be read, until somebody says
what became of it. Results that could not be read one by one are in the matching queue.
"""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from screening.imports.batches import batch_of_path
from screening.imports.running import run_batch
from screening.machines.connections import is_active
from screening.machines.inbox import LONGEST as KEPT
from screening.machines.inbox import keep_refused, settle_sent_again
from screening.models import BatchState, ImportBatch, MachineConnection, MachineMessage, MachineProtocol

logger = logging.getLogger(__name__)

SETTLED: Final = 5  # seconds that a file must have lain unchanged: its machine may still be writing
LARGEST: Final = 25 * 1024 * 1024


def take_folder(connection: MachineConnection, *, settled: float = SETTLED) -> list[ImportBatch]:
    """Take in what lies in the connection's folder, oldest first. What fails is moved too, with the reason beside."""
    folder = Path(connection.folder)
    if folder.is_relative_to(settings.MACHINE_FOLDERS):  # added on the page, which has no hand in this folder
        folder.mkdir(mode=0o770, parents=True, exist_ok=True)
    batches: list[ImportBatch] = []
    for path in _waiting(folder, settled):
        if not is_active(connection):
            break
        if path.stat().st_size > LARGEST:
            _refuse(path, connection, _("Tệp lớn hơn %(count)s byte.") % {"count": LARGEST})
            continue
        batch = run_batch(batch_of_path(path, facility=connection.facility).pk)
        if batch is None:
            continue
        batches.append(batch)
        if batch.state == BatchState.DONE:
            _note(path, connection, batch)
            _moved(path, folder / "done")
        else:
            _refuse(path, connection, batch.problem or batch.get_state_display())
        logger.info("%s: file taken as import %d, %s", connection.name, batch.pk, batch.state)
    return batches


def drop_folders() -> list[MachineConnection]:
    """The connections whose folder is to be watched."""
    return list(MachineConnection.objects.filter(protocol=MachineProtocol.ASTM, active=True).exclude(folder=""))


def _waiting(folder: Path, settled: float) -> Iterator[Path]:
    """Plain files that are complete. Links are left alone: they could point anywhere."""
    now = time.time()
    found = [
        (entry.stat(follow_symlinks=False).st_mtime, Path(entry.path))
        for entry in os.scandir(folder)
        if entry.is_file(follow_symlinks=False) and not entry.name.startswith(".")
    ]
    for changed, path in sorted(found):
        if now - changed >= settled:
            yield path


def _note(path: Path, connection: MachineConnection, batch: ImportBatch) -> None:
    """The file among the machine's messages, with what became of it."""
    raw = _beginning(path)
    MachineMessage.objects.create(
        connection=connection,
        facility=connection.facility,
        received_at=timezone.now(),
        control_id=f"{path.name} ({batch.pk})"[-200:],
        digest=batch.sha256,
        raw=raw,
        accepted=True,
        stored=batch.stored,
        parked=batch.parked,
    )
    settle_sent_again(raw, connection=connection, name=path.name)


def _refuse(path: Path, connection: MachineConnection, problem: str) -> None:
    """Put a file aside with the reason beside it, and on the machine's page."""
    keep_refused(_beginning(path), connection=connection, name=path.name, problem=problem)
    target = _moved(path, path.parent / "failed")
    target.with_name(f"{target.name}.txt").write_text(problem)
    logger.warning("%s: a file could not be taken", connection.name)


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(KEPT)


def _moved(path: Path, folder: Path) -> Path:
    """Move a file, never over another one."""
    folder.mkdir(mode=0o700, exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}-{number}{path.suffix}"
    path.rename(target)
    return target
