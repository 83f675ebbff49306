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

from healthhub.web.fonts import font_file

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
    sheets = Sheets()
    for letter in letters:
        sheets.add(letter)
    sheets.pdf.output(str(path))
    return sheets.pdf.page


class Sheets:
    """A PDF that grows by letters. Lines are broken here, with the width of each word kept: most words come again in
    every letter, and the library would measure them letter by letter."""

    def __init__(self) -> None:
        self.pdf = FPDF(format="A4")
        self.pdf.set_auto_page_break(False)
        self.pdf.add_font(FONT, "", font_file(400))
        self.pdf.add_font(FONT, "B", font_file(600))
        self.pdf.set_title("HealthHub")
        self.pdf.set_line_width(0.1)
        self.widths: dict[tuple[str, float, bool], float] = {}

    def add(self, letter: Letter) -> None:
        """One more page."""
        words = WORDS[letter.language]
        self.pdf.add_page()
        for fold in (105, 210):
            self.pdf.line(5, fold, 8, fold)
        self._ink(INK)
        self._text(LEFT, 15, letter.sender, size=12, bold=True)
        y = self._text(LEFT, 52, f"{words['to']}:", size=10, width=85)
        y = self._text(LEFT, y, letter.name, size=11, bold=True, width=85)
        self._text(LEFT, y, letter.address, size=10, width=85, lines=5)
        y = self._text(125, 52, words["place"].format(day=letter.day), size=10, width=65)
        self._text(125, y, f"{words['reference']}: {letter.reference}", size=10, width=65)
        y = self._text(LEFT, 112, letter.subject, size=14, bold=True) + 3
        for paragraph in letter.body.split("\n\n"):
            y = self._text(LEFT, y, paragraph, size=11) + 2.5
        top, beside = max(y + 6, 215.0), LEFT + QR_SIZE + 6
        self._qr(letter.link, LEFT, top)
        y = self._text(beside, top, words["qr"], size=10, bold=True, width=WIDTH - QR_SIZE - 6)
        y = self._text(beside, y, letter.link, size=10, width=WIDTH - QR_SIZE - 6) + 2
        self._ink(GREY)
        self._text(beside, y, letter.other, size=9, width=WIDTH - QR_SIZE - 6)
        self._text(LEFT, 46, letter.sender, size=7, width=85, lines=1)
        self._text(LEFT, 276, words["foot"], size=8)

    def _ink(self, colour: tuple[int, int, int]) -> None:
        self.pdf.set_text_color(*colour)

    def _text(
        self, x: float, y: float, text: str, *, size: float, bold: bool = False, width: float = WIDTH, lines: int = 40
    ) -> float:
        """Write a text below ``y`` in lines of at most ``width``; answers where the next may begin."""
        self.pdf.set_font(FONT, "B" if bold else "", size)
        for line in self._broken(text, size, bold, width)[:lines]:
            self.pdf.text(x, y + size * 0.36, line)
            y += size * 0.5
        return y

    def _broken(self, text: str, size: float, bold: bool, width: float) -> list[str]:
        lines: list[str] = []
        line, used, space = "", 0.0, self._width(" ", size, bold)
        for word in text.split():
            needed = self._width(word, size, bold)
            if line and used + space + needed > width:
                lines.append(line)
                line, used = "", 0.0
            line, used = f"{line} {word}" if line else word, used + needed + (space if line else 0)
        return [*lines, line] if line else lines

    def _width(self, word: str, size: float, bold: bool) -> float:
        key = word, size, bold
        if key not in self.widths:
            self.widths[key] = self.pdf.get_string_width(word)
        return self.widths[key]

    def _qr(self, link: str, x: float, y: float) -> None:
        """Each run of dark modules in a row is one rectangle. The mask is given: choosing the best takes longest."""
        matrix = segno.make(link, error="m", micro=False, mask=3).matrix
        module = QR_SIZE / len(matrix)
        self.pdf.set_fill_color(0, 0, 0)
        for line, row in enumerate(matrix):
            start = None
            for place, dark in enumerate((*row, 0)):
                if dark and start is None:
                    start = place
                elif not dark and start is not None:
                    self.pdf.rect(x + start * module, y + line * module, (place - start) * module, module, style="F")
                    start = None
