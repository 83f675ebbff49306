"""Letters as PDF: A4, one page each, address where a window envelope (DL, window left) shows it.

All measures are in millimetres from the top left corner. The address stands as DIN 5008 has it (form B: 20 to 105,
45 to 90), which also suits windows a little higher or lower; fold marks at 105 and 210.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import segno
from fpdf import FPDF

from screening.messages.fonts import font_file

FONT: Final = "Be Vietnam Pro"
LEFT: Final = 20.0
WIDTH: Final = 170.0
QR_SIZE: Final = 30.0
INK: Final = 27, 42, 48
GREY: Final = 74, 91, 99


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter as it is printed. ``other`` is the same in the other language, in a sentence or two."""

    reference: str
    sender: str
    name: str
    address: str
    day: date
    language: str
    subject: str
    body: str
    other: str
    link: str


WORDS: Final = {
    "vi": {
        "to": "Kính gửi",
        "place": "Hà Nội, ngày {day:%d} tháng {day:%m} năm {day:%Y}",
        "reference": "Số thư",
        "qr": "Quét mã, rồi đăng nhập",
        "foot": "Thư này chỉ là lời mời hoặc lời nhắn, không chứa kết quả khám. Nếu bạn không phải người nhận, "
        "xin gửi lại cho bưu điện hoặc báo tại địa chỉ trên.",
    },
    "en": {
        "to": "To",
        "place": "Hanoi, {day:%d/%m/%Y}",
        "reference": "Reference",
        "qr": "Scan, then sign in",
        "foot": "This letter only invites or informs; it holds no examination result. If you are not the addressee, "
        "please return it by post or tell us at the address above.",
    },
}


def write_letters(letters: Iterable[Letter], path: Path) -> int:
    """Write one PDF with a page for each letter; answers how many."""
    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_margins(LEFT, 15, 20)
    pdf.add_font(FONT, "", font_file(400))
    pdf.add_font(FONT, "B", font_file(600))
    pdf.set_title("HealthHub")
    for letter in letters:
        _page(pdf, letter)
    pdf.output(str(path))
    return pdf.page


def _page(pdf: FPDF, letter: Letter) -> None:
    words = WORDS[letter.language]
    pdf.add_page()
    _marks(pdf)
    pdf.set_text_color(*INK)
    _text(pdf, LEFT, 15, letter.sender, size=12, bold=True)
    pdf.set_text_color(*GREY)
    _text(pdf, LEFT, 45, letter.sender, size=7, width=85)
    pdf.set_text_color(*INK)
    _text(pdf, LEFT, 52, f"{words['to']}:", size=10, width=85)
    _text(pdf, LEFT, 57, letter.name, size=11, bold=True, width=85)
    _text(pdf, LEFT, pdf.get_y() + 1, letter.address, size=10, width=85)
    _text(pdf, 125, 52, words["place"].format(day=letter.day), size=10, width=65)
    _text(pdf, 125, pdf.get_y() + 1, f"{words['reference']}: {letter.reference}", size=10, width=65)
    _text(pdf, LEFT, 100, letter.subject, size=14, bold=True)
    pdf.set_y(pdf.get_y() + 4)
    for paragraph in letter.body.split("\n\n"):
        _text(pdf, LEFT, pdf.get_y() + 2, " ".join(paragraph.split()), size=11)
    top = max(pdf.get_y() + 8, 205.0)
    _qr(pdf, letter.link, LEFT, top)
    _text(pdf, LEFT + QR_SIZE + 6, top, words["qr"], size=10, bold=True, width=WIDTH - QR_SIZE - 6)
    _text(pdf, LEFT + QR_SIZE + 6, pdf.get_y() + 1, letter.link, size=10, width=WIDTH - QR_SIZE - 6)
    pdf.set_text_color(*GREY)
    _text(pdf, LEFT + QR_SIZE + 6, pdf.get_y() + 3, letter.other, size=9, width=WIDTH - QR_SIZE - 6)
    _text(pdf, LEFT, 278, words["foot"], size=8)


def _text(pdf: FPDF, x: float, y: float, text: str, *, size: float, bold: bool = False, width: float = WIDTH) -> None:
    pdf.set_font(FONT, "B" if bold else "", size)
    pdf.set_xy(x, y)
    pdf.multi_cell(width, size * 0.5, text, align="L", new_x="LMARGIN", new_y="NEXT")


def _marks(pdf: FPDF) -> None:
    pdf.set_line_width(0.1)
    for y in (105, 210):
        pdf.line(5, y, 8, y)


def _qr(pdf: FPDF, link: str, x: float, y: float) -> None:
    """Each run of dark modules in a row is one rectangle."""
    matrix = segno.make(link, error="m", micro=False).matrix
    module = QR_SIZE / len(matrix)
    pdf.set_fill_color(0, 0, 0)
    for line, row in enumerate(matrix):
        start = None
        for place, dark in enumerate((*row, 0)):
            if dark and start is None:
                start = place
            elif not dark and start is not None:
                pdf.rect(x + start * module, y + line * module, (place - start) * module, module, style="F")
                start = None
