"""Uploading a file of results, and telling how to read it."""

from collections.abc import Mapping
from typing import Any, Final

from django import forms
from django.template.defaultfilters import filesizeformat
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from screening.forms.fields import LineField, offer
from screening.imports.batches import APPROVABLE
from screening.imports.columns import OPTIONAL, Column
from screening.imports.differences import heading
from screening.imports.leaving import LEFT_AS, NOTE, Leaving, NotGiven
from screening.imports.review import TABS
from screening.machines.codes import meant_by
from screening.models import ImportBatch
from screening.models.imports import COUNTERS
from screening.protocol import current, programmes

LARGEST: Final = 25 * 1024 * 1024
KINDS: Final = (".csv", ".tsv", ".txt", ".xlsx", ".xml", ".astm")


class UploadForm(forms.Form):
    """A CSV, XLSX, XML4 or ASTM file; what is in it is judged when it is read."""

    file = forms.FileField(
        label=_("Tệp kết quả"),
        help_text=_("CSV, Excel (.xlsx), XML4 của bảo hiểm y tế hoặc tệp ASTM của máy, tối đa 25 MB."),
        widget=forms.ClearableFileInput(attrs={"accept": ",".join(KINDS)}),
        error_messages={
            "required": _("Hãy chọn một tệp."),
            "empty": _("Tệp không có nội dung nào."),
            "max_length": _("Tên tệp quá dài."),
        },
        max_length=200,
    )

    def clean_file(self) -> Any:
        """The size and the kind, by name."""
        file = self.cleaned_data["file"]
        name = file.name.lower()
        if file.size > LARGEST:
            size = filesizeformat(file.size)
            raise forms.ValidationError(
                _now("Tệp quá lớn (%(size)s). Hãy chia thành nhiều tệp dưới 25 MB.") % {"size": size}
            )
        if name.endswith(".xls"):
            raise forms.ValidationError(
                _("Đây là tệp Excel kiểu cũ (.xls). Hãy lưu lại thành .xlsx hoặc CSV rồi tải lên.")
            )
        if not name.endswith(KINDS):
            raise forms.ValidationError(_("Chỉ nhận tệp CSV, Excel (.xlsx), XML hoặc ASTM."))
        return file


class ColumnsForm(forms.Form):
    """For each of our columns the file's column that holds it, or what it always is."""

    def __init__(self, *args: Any, batch: ImportBatch, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices: list[tuple[str, Any]] = [("", _("– không có –"))]
        for place, text in enumerate(batch.header):
            examples = [row[place] for row in batch.sample if place < len(row) and row[place]]
            example = f" ({examples[0][:30]})" if examples else ""
            choices.append((str(place), f"{place + 1}. {text[:40]}{example}"))
        for column in Column:
            told = batch.columns.get(column.value, {})
            self.fields[f"at_{column}"] = forms.ChoiceField(
                label=heading(column), choices=choices, required=False, initial=str(told.get("at", ""))
            )
            self.fields[f"always_{column}"] = forms.CharField(
                label=_now("%(column)s luôn là") % {"column": heading(column)},
                required=False,
                max_length=200,
                initial=told.get("always", ""),
            )

    def pairs(self) -> list[tuple[Any, Any, bool]]:
        """(which column, or always what, required) of each of ours, for the page."""
        return [
            (self[f"at_{column}"], self[f"always_{column}"], column not in OPTIONAL and column != Column.CITIZEN_ID)
            for column in Column
        ]

    def clean(self) -> dict[str, Any]:
        """Every required column, and no column of the file twice."""
        found = super().clean() or {}
        used: dict[str, Column] = {}
        for column in Column:
            at, always = found.get(f"at_{column}", ""), found.get(f"always_{column}", "")
            if not at and not always and column not in OPTIONAL:
                self.add_error(f"at_{column}", _("Hãy chọn cột, hoặc ghi giá trị chung cho mọi dòng."))
            if at and at in used:
                self.add_error(f"at_{column}", _("Cột này đã được chọn cho mục khác."))
            used[at] = column
        return found

    def told(self) -> dict[str, dict[str, Any]]:
        """As ``map_columns`` takes it."""
        told: dict[str, dict[str, Any]] = {}
        for column in Column:
            if at := self.cleaned_data[f"at_{column}"]:
                told[column.value] = {"at": int(at)}
            elif always := self.cleaned_data[f"always_{column}"]:
                told[column.value] = {"always": always}
        return told


class CodesForm(forms.Form):
    """For each code of the file the test that it means, or that it is none of ours."""

    def __init__(self, *args: Any, batch: ImportBatch, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.codes = [entry["code"] for entry in batch.codes]
        choices = [("", _("Hãy chọn …")), ("-", _("Không phải xét nghiệm sàng lọc")), *test_choices()]
        for number, entry in enumerate(batch.codes):
            self.fields[f"code_{number}"] = forms.ChoiceField(
                label=f"{entry['code']} {entry['name']}".strip(),
                help_text=_hint(entry),
                choices=choices,
                initial=_guess(entry),
                error_messages={"required": _("Hãy chọn xét nghiệm, hoặc nói đó không phải xét nghiệm sàng lọc.")},
            )

    def told(self) -> dict[str, str]:
        """As ``map_codes`` takes it."""
        answers = [self.cleaned_data[f"code_{number}"] for number in range(len(self.codes))]
        return {code: "" if test == "-" else test for code, test in zip(self.codes, answers, strict=True)}


class ApproveForm(forms.Form):
    """Which kinds of rows to store."""

    kinds = forms.MultipleChoiceField(label=_("Lưu"), required=False, widget=forms.CheckboxSelectMultiple)

    def __init__(self, *args: Any, batch: ImportBatch, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        counts = {kind: getattr(batch, COUNTERS[kind]) for kind in APPROVABLE}
        choices = [(str(kind), f"{TABS[kind]} ({count})") for kind, count in counts.items() if count]
        offer(self, "kinds", choices)
        self.fields["kinds"].initial = [kind for kind, _label in choices]


class LeaveForm(forms.Form):
    """Why rows are not stored. ``scope`` tells several such forms of a page apart."""

    use_required_attribute = False  # folded away where nothing is left, a browser would send nothing and not say why
    reason = forms.ChoiceField(
        label=_("Lý do không lưu"),
        choices=[("", _("Hãy chọn …")), *LEFT_AS.items()],
        error_messages={"required": _("Hãy chọn lý do không lưu.")},
    )
    note = LineField(label=_("Ghi rõ"), required=False, max_length=NOTE)

    def __init__(self, *args: Any, scope: str = "leave", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.auto_id = f"{scope}-%s"

    def clean(self) -> dict[str, Any]:
        """A reason, in words where none of the list fits."""
        found = super().clean() or {}
        if found.get("reason"):
            try:
                found["leaving"] = Leaving(found["reason"], found.get("note", ""))
            except NotGiven as fault:
                self.add_error("note", str(fault))
        return found

    def leaving(self) -> Leaving | None:
        """What was said; None if nothing that will do."""
        return self.cleaned_data.get("leaving") if self.is_valid() else None

    def faults(self) -> str:
        """What is wrong with it, in words."""
        return " ".join(str(error) for errors in self.errors.values() for error in errors)


def _guess(entry: Mapping[str, Any]) -> str:
    """The test whose name is the code's. "None of ours" is never proposed: it leaves out all results."""
    return meant_by(entry["code"].rsplit("/", 1)[-1], entry["name"], {}) or ""


def _hint(entry: Mapping[str, Any]) -> str:
    """How often the code comes, an example, and what speaks for its being a screening test."""
    text = ngettext("%(count)s dòng, ví dụ: %(example)s", "%(count)s dòng, ví dụ: %(example)s", entry["count"])
    hints = [text % entry]
    if entry.get("ours"):
        hints.append(_now("Tên giống một xét nghiệm sàng lọc."))
    if entry.get("positive"):
        hints.append(_now("Có kết quả đọc được là dương tính: nếu bỏ qua mã này, kết quả đó sẽ không được ghi."))
    return " ".join(hints if len(hints) == 1 else [f"{hints[0]}.", *hints[1:]])


def test_choices() -> list[tuple[str, str]]:
    """Every test of every programme by key."""
    language = "en" if (get_language() or "vi").startswith("en") else "vi"
    return [
        (key, f"{test.name[language]} ({current(programme).name[language]})")
        for programme in programmes()
        for key, test in current(programme).tests.items()
    ]
