from datetime import timedelta
from typing import Final

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

UNDO_WITHIN: Final = timedelta(days=1)


class BatchState(models.TextChoices):
    QUEUED = "queued", _("Đang chờ")
    MAPPING = "mapping", _("Chờ ghép cột")
    READING = "reading", _("Đang đọc")
    REVIEW = "review", _("Chờ duyệt")
    STORING = "storing", _("Đang lưu")
    DONE = "done", _("Đã xong")
    UNDOING = "undoing", _("Đang hoàn tác")
    UNDONE = "undone", _("Đã hoàn tác")
    CANCELLED = "cancelled", _("Đã hủy")
    FAILED = "failed", _("Không đọc được tệp")


#: A worker is needed.
MOVING: Final = (BatchState.QUEUED, BatchState.READING, BatchState.STORING, BatchState.UNDOING)


class RowKind(models.TextChoices):
    """What a row is against what is stored. NEW: it registers its person; MATCHED: a result that is not stored yet, of
    somebody known; CLOSE: its person is nearly somebody known; NOBODY: it names no person."""

    NEW = "new", _("Người mới")
    MATCHED = "matched", _("Người đã có hồ sơ")
    UNCHANGED = "unchanged", _("Đã có")
    CORRECTION = "correction", _("Sửa")
    CLOSE = "close", _("Gần khớp")
    NOBODY = "nobody", _("Không rõ người")
    REPEATED = "repeated", _("Lặp lại")
    ERROR = "error", _("Sai")


#: The batch's counter of each kind.
COUNTERS: Final = {
    RowKind.NEW: "new",
    RowKind.MATCHED: "matched",
    RowKind.CORRECTION: "corrected",
    RowKind.UNCHANGED: "unchanged",
    RowKind.CLOSE: "close",
    RowKind.NOBODY: "nobody",
    RowKind.REPEATED: "repeated",
    RowKind.ERROR: "failed",
}


class RowState(models.TextChoices):
    """What became of a row. LEFT: the reviewer left its kind out; KEPT: changed since, so undoing left it alone."""

    STAGED = "staged", _("Chưa lưu")
    STORED = "stored", _("Đã lưu")
    PARKED = "parked", _("Trong hàng đợi ghép")
    LEFT = "left", _("Đã loại khỏi tệp")
    UNDONE = "undone", _("Đã hoàn tác")
    KEPT = "kept", _("Không hoàn tác được")


class ResultFlag(models.TextChoices):
    """Why a row must not be forgotten: its result is positive, or nobody could read what it is."""

    NONE = "", ""
    POSITIVE = "positive", _("Dương tính")
    UNREAD = "unread", _("Không đọc được")


class ImportBatch(models.Model):
    """One file of results and how far it has got: read into staged rows, reviewed, approved, stored, perhaps undone.

    The counters move with each chunk's commit, so a killed run goes on after `processed_row` (reading), with the rows
    that are still staged (storing) or after `undone_row`, and counts nothing twice. `facility` is the uploader's, None
    for a command that writes for all. `file` is a path below MEDIA_ROOT, gone once it has been read. `header` holds the
    headings, `columns` which of them is what: {column: {"at": place} or {"always": text}}; `codes` the file's codes
    that await a test. `total` is an estimate until the file is read; then processed is the sum of all COUNTERS,
    and `handled` of them need no more storing. `kinds` are what the reviewer approved; `leaving` is why rows that were
    not stored are left, by whom and when (see imports.leaving). `auto`: nobody reviews, all good rows are stored.
    `notices` are in `language`. `cancel_asked` and `leaving` are written by pages only, all else by whoever holds the
    batch's lock.
    """

    filename = models.CharField(max_length=255)
    file = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    form = models.CharField(max_length=8, default="table")
    language = models.CharField(max_length=10, default="vi")
    uploader = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    undoer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    facility = models.CharField(max_length=64, null=True, blank=True)
    auto = models.BooleanField(default=False)
    state = models.CharField(max_length=10, choices=BatchState.choices, default=BatchState.QUEUED)
    cancel_asked = models.BooleanField(default=False)
    problem = models.TextField(blank=True)
    notices = models.JSONField(default=list, blank=True)
    header = models.JSONField(default=list, blank=True)
    sample = models.JSONField(default=list, blank=True)
    columns = models.JSONField(default=dict, blank=True)
    codes = models.JSONField(default=list, blank=True)
    kinds = models.JSONField(default=list, blank=True)
    leaving = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True)
    read_at = models.DateTimeField(null=True, blank=True)
    approved_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    undone_at = models.DateTimeField(null=True, blank=True)
    total = models.IntegerField(default=0)
    processed = models.IntegerField(default=0)
    processed_row = models.IntegerField(default=0)
    handled = models.IntegerField(default=0)
    undone_row = models.IntegerField(default=0)
    new = models.IntegerField(default=0)
    matched = models.IntegerField(default=0, db_default=0)
    corrected = models.IntegerField(default=0)
    unchanged = models.IntegerField(default=0)
    close = models.IntegerField(default=0)
    nobody = models.IntegerField(default=0)
    repeated = models.IntegerField(default=0)
    failed = models.IntegerField(default=0)
    stored = models.IntegerField(default=0)
    parked = models.IntegerField(default=0)
    undone = models.IntegerField(default=0)
    kept = models.IntegerField(default=0)

    class Meta:
        ordering = ("-created_at", "-id")
        indexes = (models.Index(name="screening_import_facility", fields=("facility", "-created_at")),)

    def __str__(self) -> str:
        return f"{self.filename} ({self.state})"

    @property
    def percent(self) -> int:
        """How much of the work at hand is done, 0 to 100."""
        if self.state in (BatchState.DONE, BatchState.UNDONE):
            return 100
        done, of = (self.processed, self.total) if self.state == BatchState.READING else (self.handled, self.processed)
        return min(99, done * 100 // of) if of and self.state != BatchState.QUEUED else 0

    @property
    def may_be_undone(self) -> bool:
        """Whether what it stored can still be taken back as a whole."""
        return bool(
            self.stored
            and self.state in (BatchState.DONE, BatchState.CANCELLED)
            and self.finished_at
            and timezone.now() < self.finished_at + UNDO_WITHIN
        )


class StagedRow(models.Model):
    """A row of a file between upload and approval, and then the record of what became of it: for some weeks, or for
    ever where it was left out or is wrong.

    `lane` is that of its person (see imports.lanes). `texts` are its cells as they came; it is checked anew when it is
    stored. `key` is a digest of facility, specimen and test, `content` one of the whole row. `problems` and `notices`
    are [[column, sentence], …], `differences` [[what, old, new], …] of a correction. `candidates` are the ids of people
    whom a CLOSE row nearly names, `decision` what the reviewer said: "" (to the matching queue), "person:<id>" or
    "left". `version` is the one that storing made. `specimen`, `test` and `flag` are what the row says of its result,
    as far as it can be read. Who left a row out says so with a code (`left_as`); `seen` is the second person who has
    looked at a left positive and agrees.
    """

    id = models.BigAutoField(primary_key=True)
    batch = models.ForeignKey(ImportBatch, on_delete=models.CASCADE, related_name="rows")
    row = models.IntegerField()
    lane = models.SmallIntegerField(default=0)
    kind = models.CharField(max_length=10, choices=RowKind.choices)
    state = models.CharField(max_length=8, choices=RowState.choices, default=RowState.STAGED)
    texts = models.JSONField(default=list)
    problems = models.JSONField(default=list)
    notices = models.JSONField(default=list)
    differences = models.JSONField(default=list)
    candidates = models.JSONField(default=list)
    decision = models.CharField(max_length=80, blank=True)
    key = models.UUIDField(null=True)
    content = models.UUIDField(null=True)
    patient = models.CharField(max_length=64, blank=True)
    observation = models.CharField(max_length=64, blank=True)
    version = models.IntegerField(null=True)
    specimen = models.CharField(max_length=100, blank=True, db_default="")
    test = models.CharField(max_length=40, blank=True, db_default="")
    flag = models.CharField(max_length=8, choices=ResultFlag.choices, blank=True, db_default="")
    left_as = models.CharField(max_length=20, blank=True, db_default="")
    left_note = models.CharField(max_length=500, blank=True, db_default="")
    left_by = models.CharField(max_length=200, blank=True, db_default="")
    left_name = models.CharField(max_length=255, blank=True, db_default="")
    left_at = models.DateTimeField(null=True)
    seen_by = models.CharField(max_length=200, blank=True, db_default="")
    seen_name = models.CharField(max_length=255, blank=True, db_default="")
    seen_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("batch", "row"), name="screening_stagedrow_row"),)
        indexes = (
            models.Index(name="screening_stagedrow_kind", fields=("batch", "kind", "row")),
            models.Index(name="screening_stagedrow_key", fields=("batch", "key")),
            models.Index(
                name="screening_stagedrow_left", fields=("batch", "lane", "row"), condition=models.Q(state="staged")
            ),
            models.Index(
                name="screening_stagedrow_waiting",
                fields=("batch", "row"),
                condition=models.Q(models.Q(state__in=("left", "undone"), seen_at__isnull=True), ~models.Q(flag=""))
                | models.Q(kind="error", state="staged"),
            ),
            models.Index(name="screening_stagedrow_out", fields=("batch", "id"), condition=models.Q(state="left")),
            models.Index(
                name="screening_stagedrow_undone", fields=("observation",), condition=models.Q(state="undone")
            ),
        )

    def __str__(self) -> str:
        return f"{self.batch_id}: {self.row}"


class ColumnMapping(models.Model):
    """How a facility has told to read files with these headings; offered for the next such file."""

    facility = models.CharField(max_length=64)
    header = models.UUIDField()
    columns = models.JSONField()
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("facility", "header"), name="screening_columnmapping_key"),)

    def __str__(self) -> str:
        return f"{self.facility}: {self.columns}"


class CodeMapping(models.Model):
    """Which test a facility means by a code of its own, in files and messages; "" is none of ours."""

    facility = models.CharField(max_length=64)
    system = models.CharField(max_length=8)
    code = models.CharField(max_length=200)
    test = models.CharField(max_length=40, blank=True)
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("facility", "system", "code"), name="screening_codemapping_key"),
        )

    def __str__(self) -> str:
        return f"{self.facility} {self.system} {self.code}: {self.test}"
