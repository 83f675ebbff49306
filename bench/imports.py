"""How long a file of results takes, read and stored: the code of page, worker and command, on this machine."""

import csv
import resource
import time
from datetime import date, timedelta
from pathlib import Path

_HEADER = [
    "facility_code",
    "specimen_id",
    "citizen_id",
    "full_name",
    "birth_date",
    "sex",
    "phone",
    "area_code",
    "test",
    "collected_on",
    "result",
    "unit",
    "resulted_on",
    "note",
]
_FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Vũ", "Đặng", "Bùi")
_MIDDLE = ("Văn", "Thị", "Đức", "Minh", "Ngọc", "Thu", "Hữu", "Bích")
_GIVEN = ("An", "Bình", "Chi", "Dung", "Giang", "Hà", "Khánh", "Lan", "Mai", "Nam", "Oanh", "Phúc", "Sơn", "Tâm", "Yến")


def write_file(path: Path, rows: int, facility: str, *, area: str) -> None:
    """A file of that many people, one in a hundred rows wrong. Numbers are of nobody (province 000)."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(_HEADER)
        for number in range(rows):
            born = date(1950, 1, 1) + timedelta(days=number * 7919 % 9000)
            man = number % 2 == 0
            name = f"{_FAMILY[number % 8]} {_MIDDLE[number // 8 % 8]} {_GIVEN[number // 64 % 15]}"
            day = date(2024, 1, 1) + timedelta(days=number % 300)
            writer.writerow(
                [
                    *(facility, f"BENCH{number:07d}", f"000{0 if man else 1}{born.year % 100:02d}{number:06d}", name),
                    *(f"{born:%d/%m/%Y}", "Nam" if man else "Nữ", f"09{number:08d}", area, "fit", f"{day:%d/%m/%Y}"),
                    "nhiều" if number % 100 == 99 else f"{number % 400 / 10:.1f}".replace(".", ","),
                    *("µg/g", f"{day + timedelta(days=3):%d/%m/%Y}", ""),
                ]
            )


def measure(folder: Path, facility: str, *, area: str, rows: int = 200_000) -> None:
    """Take in a file and print how long each half took."""
    from screening.imports.batches import batch_of_path
    from screening.imports.running import run_batch
    from screening.models import ImportBatch

    path = folder / f"import-{rows}.csv"
    write_file(path, rows, facility, area=area)
    marks: dict[str, float] = {}

    def note(batch: ImportBatch) -> None:
        marks[batch.state] = time.perf_counter()

    begin, worked = time.perf_counter(), time.process_time()
    batch = run_batch(batch_of_path(path).pk, progress=note)
    assert batch
    read = marks["reading"] - begin
    whole = time.perf_counter() - begin
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    print(f"file of {rows} results, read and judged    {read:9.1f} s")
    print(f"file of {rows} results, approved and stored{whole - read:9.1f} s")
    print(f"    {whole:.1f} s in all; {batch.stored} stored, {batch.failed} wrong; {memory} MB at most")
    print(f"    Python's processor time: {(time.process_time() - worked) * 1e6 / rows:.0f} us a row")
    path.unlink()
