"""The printed copy of a record: A4, one line for each entry, with who wrote it and where."""

from typing import Final

from django.utils import timezone, translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from fpdf import FPDF
from fpdf.enums import XPos, YPos

from healthhub.web.fonts import font_file
from records.identity import SEXES, identity, written_birth
from records.rights.copies import Printed

FONT: Final = "Be Vietnam Pro"
MARGIN: Final = 18.0
INK: Final = 27, 42, 48
GREY: Final = 74, 91, 99


def print_record(record: Printed) -> bytes:
    """The file, in the language of now."""
    pages = _Pages(_("Bản sao hồ sơ sức khỏe của %(name)s") % {"name": record.citizen.full_name})
    pages.about(record)
    for group in record.groups:
        pages.heading(f"{group.title} ({len(group.entries)})")
        for entry in group.entries:
            notes = [entry.when or _("không ghi ngày"), str(entry.status), entry.author, entry.facility]
            pages.entry(entry.title, entry.value, " · ".join(note for note in notes if note))
    if record.others:
        pages.heading(_("Chỉ có trong bản FHIR"))
        counts = ", ".join(f"{name} {count}" for name, count in record.others.items())
        pages.entry(_("Dữ liệu kèm theo, như ống mẫu và việc cần làm"), "", counts)
    return bytes(pages.output())


class _Pages(FPDF):
    """Pages with the title on top and their number below."""

    def __init__(self, title: str) -> None:
        super().__init__(format="A4")
        self.set_margin(MARGIN)
        self.set_auto_page_break(True, margin=MARGIN)
        self.add_font(FONT, "", font_file(400))
        self.add_font(FONT, "B", font_file(600))
        self.name = title
        self.set_title(title)
        self.set_lang(translation.get_language() or "vi")
        self.made = date_format(timezone.localtime(), "SHORT_DATETIME_FORMAT")
        self.add_page()

    def header(self) -> None:
        """Nothing on top: the title stands on the first page, and names nobody on the others."""

    def footer(self) -> None:
        """Page and day."""
        self.set_y(-12)
        self._write(f"HealthHub · {self.made} · {self.page_no()}/{{nb}}", size=8, colour=GREY)

    def about(self, record: Printed) -> None:
        """Whose record it is, with her numbers in full: it is hers."""
        citizen, me = record.citizen, identity(record.citizen)
        self._write(self.name, size=16, bold=True)
        self.ln(2)
        for label, value in (
            (_("Ngày sinh"), written_birth(citizen)),
            (_("Giới tính"), SEXES.get(citizen.sex, "")),
            (_("Số định danh"), citizen.cccd),
            (_("Thẻ bảo hiểm y tế"), citizen.insurance_number),
            (_("Điện thoại"), me.phone),
            (_("Địa chỉ"), me.address or me.area),
        ):
            self._write(f"{label}: {value or '–'}", size=10)

    def heading(self, text: str) -> None:
        """A part of the record, also in the file's table of contents."""
        self.ln(4)
        if self.will_page_break(24):
            self.add_page()
        self.start_section(text)
        self._write(text, size=12, bold=True)
        self.ln(1)

    def entry(self, title: str, value: str, note: str) -> None:
        """One entry: what, the value, and below it when, by whom and where."""
        if self.will_page_break(12):
            self.add_page()
        self._write(f"{title}: {value}" if value else title, size=10)
        self._write(note, size=8, colour=GREY)
        self.ln(1.5)

    def _write(self, text: str, *, size: float, bold: bool = False, colour: tuple[int, int, int] = INK) -> None:
        self.set_font(FONT, "B" if bold else "", size)
        self.set_text_color(*colour)
        self.multi_cell(0, size * 0.5, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT, align="L")
