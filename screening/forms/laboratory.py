"""The forms of the laboratory: the scan field, a reading at the bench, a lot of kits, a rejection, an order."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from records.models import Facility
from screening.citizen import here
from screening.components import PREFIX
from screening.forms.fields import DayField, LineField, NoteField, offer
from screening.forms.results import ResultForm
from screening.laboratory.barcodes import read_barcodes
from screening.laboratory.entry import expired_kit
from screening.laboratory.matching import REJECTIONS as NOT_MATCHED
from screening.laboratory.rejections import REJECTIONS
from screening.laboratory.specimens import Tube
from screening.models import KitLot, ScreeningResult
from screening.protocol import current, programmes
from screening.protocol.shapes import Test
from screening.results import known_test

_SCANNED = {"autofocus": True, "autocapitalize": "characters", "inputmode": "text"}


class ScanForm(forms.Form):
    """One barcode; a scanner ends it with Enter."""

    scan = LineField(
        label=_("Mã trên ống mẫu"),
        help_text=_("Quét mã vạch, hoặc gõ rồi nhấn Enter."),
        max_length=100,
        attrs=_SCANNED,
        error_messages={"required": _("Hãy quét hoặc gõ một mã.")},
    )

    def clean_scan(self) -> str:
        """The first barcode of what came: scanners send a line end, people send spaces."""
        found = read_barcodes(self.cleaned_data["scan"])
        if not found:
            raise forms.ValidationError(_("Hãy quét hoặc gõ một mã."))
        return found[0]


class ScansForm(forms.Form):
    """One barcode or many, one a line."""

    scans = forms.CharField(
        label=_("Mã các ống mẫu"),
        help_text=_("Quét lần lượt, hoặc dán cả danh sách, mỗi mã một dòng. Ctrl+Enter để ghi."),
        max_length=20000,
        widget=forms.Textarea(attrs={"rows": 3, "autofocus": True, "autocomplete": "off", "spellcheck": "false"}),
        error_messages={"required": _("Hãy quét hoặc gõ một mã.")},
    )
    collected_on = DayField(label=_("Ngày lấy mẫu"), required=False, help_text=_("nếu ghi trên ống"))

    def clean_scans(self) -> list[str]:
        """The barcodes, each once."""
        return read_barcodes(self.cleaned_data["scans"])[:500]


class BenchForm(ResultForm):
    """The reading of a tube: the value first, what the tube already says filled in."""

    order = ("value", "unit", "category", "collected_on", "resulted_on", "kit", "cutoff", "note")

    def __init__(self, *args: Any, test: Test, tube: Tube, **options: Any) -> None:
        assert tube.person is not None
        self.tube = tube
        lot = tube.kit.lot if tube.kit else None
        known: dict[str, Any] = {"specimen_id": tube.barcode, "kit": lot.kit if lot else ""}
        if tube.collected_on:
            known["collected_on"] = tube.collected_on
        initial = known | (options.pop("initial", None) or {})
        super().__init__(*args, test=test, citizen=tube.person, initial=initial, **options)
        self.fields["specimen_id"].widget = forms.HiddenInput()
        value, unit, category, *others = self.order
        self.order_fields([value, unit, category, *(name for name in self.fields if name.startswith(PREFIX)), *others])
        first = self.fields["value"] if test.units else self.fields["category"]
        first.widget.attrs["autofocus"] = True

    def clean(self) -> dict[str, Any]:
        """Besides what every result must be: not read from a kit that had expired."""
        data = super().clean()
        if self.found is not None:
            told = expired_kit(self.tube, self.found.outcome, data["collected_on"])
            if told:
                self.found = None
                self.add_error("value" if "value" in self.fields else "category", told)
        return data

    def check_specimen(self, facility: Facility) -> ScreeningResult | None:
        """As for every result; the field is hidden here, so that the form as a whole says it."""
        found = super().check_specimen(facility)
        if found:
            self.add_error(None, _("Mẫu này của cơ sở đã có kết quả xét nghiệm này. Hãy sửa kết quả đó."))
        return found


class TestForm(forms.Form):
    """Which test a tube is for, when nothing says so."""

    test = forms.ChoiceField(label=_("Xét nghiệm"))

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        offer(self, "test", test_choices())


class RejectForm(forms.Form):
    """Why a sample is not fit."""

    reason = forms.ChoiceField(label=_("Lý do từ chối mẫu"), choices=list(REJECTIONS.items()), widget=forms.RadioSelect)
    note = NoteField(label=_("Ghi chú"))


class NotMatchedForm(forms.Form):
    """Why a result in the queue is nobody's here."""

    rejected_as = forms.ChoiceField(
        label=_("Lý do loại"),
        choices=list(NOT_MATCHED.items()),
        widget=forms.RadioSelect,
        error_messages={"required": _("Hãy chọn một lý do.")},
    )
    note = NoteField(label=_("Ghi chú"))


class LotForm(forms.ModelForm):
    """A delivery of kits; the kit is one that the protocol knows, so that its cut-off is known too."""

    kit = forms.ChoiceField(label=_("Bộ kit"))
    expires_on = DayField(label=_("Hạn dùng"))

    class Meta:
        model = KitLot
        fields = ("kit", "lot", "expires_on", "quantity")
        labels = {"lot": _("Số lô"), "quantity": _("Số lượng")}

    def __init__(self, *args: Any, facility: Facility, **options: Any) -> None:
        super().__init__(*args, **options)
        self.facility = facility
        choices = []
        for programme in programmes():
            for test in current(programme).tests.values():
                choices += [
                    (f"{programme}|{test.key}|{kit.name}", f"{kit.name} ({here(test.name)})") for kit in test.kits
                ]
        offer(self, "kit", choices)

    def clean(self) -> dict[str, Any]:
        """A lot is entered once, and not after its last day."""
        data = super().clean() or {}
        day = data.get("expires_on")
        if day and day < timezone.localdate():
            self.add_error("expires_on", _("Lô này đã hết hạn."))
        if data.get("kit") and data.get("lot"):
            programme, test, kit = data["kit"].split("|", 2)
            if KitLot.objects.filter(facility=self.facility, test=test, kit=kit, lot=data["lot"]).exists():
                self.add_error("lot", _("Cơ sở đã nhập lô này."))
            self.instance.programme, self.instance.test, self.instance.kit = programme, test, kit
            data["kit"] = kit
        return data


class OrderForm(forms.Form):
    """What is ordered, where it is read, and what the person takes along."""

    test = forms.ChoiceField(label=_("Xét nghiệm"))
    performer = forms.ChoiceField(label=_("Nơi xét nghiệm"))
    lot = forms.ChoiceField(label=_("Bộ kit phát cho người này"), required=False)
    collected = forms.BooleanField(label=_("Đã lấy mẫu ngay bây giờ"), required=False)

    def __init__(self, *args: Any, facility: Facility, lots: list[KitLot], tests: list[Any], **options: Any) -> None:
        super().__init__(*args, **options)
        self.lots = {str(lot.pk): lot for lot in lots}
        self.expiring = False
        facilities = Facility.objects.filter(active=True, code__isnull=False).exclude(pk=facility.pk).order_by("name")
        others = list(facilities.values_list("pk", "name"))
        offer(self, "test", tests)
        offer(self, "performer", [(facility.pk, _("Tại cơ sở này")), *others])
        shown = [
            ("", _("Không phát kit: chỉ dán nhãn ống mẫu")),
            *((key, f"{lot.kit}, {lot.lot} ({lot.expires_on:%d/%m/%Y})") for key, lot in self.lots.items()),
        ]
        offer(self, "lot", shown)

    def clean(self) -> dict[str, Any]:
        """The kit is one of the test, and not past its last day."""
        data = super().clean() or {}
        lot = self.lots.get(data.get("lot") or "")
        if lot and lot.test != data.get("test"):
            self.add_error("lot", _("Bộ kit này dùng cho xét nghiệm khác."))
        elif lot and lot.expires_on < timezone.localdate():
            self.add_error("lot", _("Lô này đã hết hạn."))
        data["lot"] = lot
        return data


class SendForm(ScansForm):
    """Tubes that go to another facility."""

    to = forms.ChoiceField(label=_("Gửi đến"))

    def __init__(self, *args: Any, facility: Facility, **options: Any) -> None:
        super().__init__(*args, **options)
        del self.fields["collected_on"]
        others = Facility.objects.filter(active=True, code__isnull=False).exclude(pk=facility.pk).order_by("name")
        offer(self, "to", list(others.values_list("pk", "name")))


def test_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """All tests by programme, for a select; not the parts that another test reports."""
    found = []
    for programme in programmes():
        protocol = current(programme)
        tests = [(test.key, here(test.name)) for test in protocol.tests.values() if not test.part_of]
        found.append((here(protocol.name), tests))
    return found


def test_of(key: str) -> Test | None:
    """The test of today's protocols, None for a key that no programme has."""
    try:
        return known_test(key, timezone.localdate())[1]
    except KeyError:
        return None
