"""Folders into which analysers drop ASTM files: each file is taken in as a batch, then moved to done/ or failed/."""

import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from screening.imports.batches import batch_of_path
from screening.imports.errors import error_lines
from screening.imports.running import run_batch
from screening.models import BatchState, ImportBatch, MachineConnection, MachineProtocol

logger = logging.getLogger(__name__)

SETTLED: Final = 5  # seconds that a file must have lain unchanged: its machine may still be writing
LARGEST: Final = 25 * 1024 * 1024


def take_folder(connection: MachineConnection, *, settled: float = SETTLED) -> list[ImportBatch]:
    """Take in what lies in the connection's folder, oldest first. What fails is moved too, with the reason beside."""
    folder = Path(connection.folder)
    batches: list[ImportBatch] = []
    for path in _waiting(folder, settled):
        if path.stat().st_size > LARGEST:
            _fail(_moved(path, folder / "failed"), f"The file is larger than {LARGEST} bytes.")
            logger.warning("%s: a file is too large", connection.name)
            continue
        batch = run_batch(batch_of_path(path, facility=connection.facility).pk)
        if batch is None:
            continue
        batches.append(batch)
        good = batch.state == BatchState.DONE
        target = _moved(path, folder / ("done" if good else "failed"))
        if not good:
            _fail(target, batch.problem)
        elif batch.failed:
            with target.with_name(f"{target.name}.errors.csv").open("wb") as file:
                file.writelines(error_lines(batch))
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


def _fail(path: Path, problem: str) -> None:
    path.with_name(f"{path.name}.txt").write_text(problem)


def _moved(path: Path, folder: Path) -> Path:
    """Move a file, never over another one."""
    folder.mkdir(mode=0o700, exist_ok=True)
    target, number = folder / path.name, 1
    while target.exists():
        number += 1
        target = folder / f"{path.stem}-{number}{path.suffix}"
    path.rename(target)
    return target
