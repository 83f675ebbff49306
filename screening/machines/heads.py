"""The head of an HL7 v2 message: who sent it, under which control id, and in which character set it is."""

import re
from dataclasses import dataclass
from typing import Final

#: MSH-18 (HL7 table 0211) -> Python's codec. VISCII, TCVN3 and VNI have none: such a message is refused, not guessed.
CHARSETS: Final = {
    "UNICODE UTF-8": "utf-8",
    "UTF-8": "utf-8",
    "UNICODE": "utf-8",
    "ASCII": "ascii",
    "8859/1": "iso-8859-1",
    "ISO-8859-1": "iso-8859-1",
    "WINDOWS-1258": "cp1258",
    "CP1258": "cp1258",
}


class BadMessage(Exception):
    """Why a message cannot be read at all: answered AR (wrong kind, sender, framing) or AE (contents)."""

    def __init__(self, code: str, text: str, *, place: str = "", error: str = "207") -> None:
        super().__init__(text)
        self.code, self.place, self.error = code, place, error


@dataclass(slots=True)
class Head:
    """The MSH segment. ``separators`` are those of field, component, repetition, escape and subcomponent."""

    separators: str
    application: str
    facility: str
    receiver: str
    receiving_facility: str
    kind: str
    control_id: str
    processing: str
    version: str
    charset: str


def read_head(raw: bytes) -> Head:
    """The MSH segment, which is ASCII whatever the rest. Raises BadMessage (AR)."""
    line = re.split(rb"[\r\n]", raw.lstrip(b"\r\n "), maxsplit=1)[0].decode("ascii", "replace")
    if not line.startswith("MSH") or len(line) < 9:
        raise BadMessage("AR", "The message does not begin with MSH.", place="MSH^1", error="100")
    if re.search(r"[\x00-\x1f\x7f]", line):
        raise BadMessage("AR", "MSH holds control characters.", place="MSH^1", error="102")
    fields = line.split(line[3])
    marks = fields[1]
    if len(marks) < 4 or len(set(line[3] + marks)) != len(line[3] + marks):
        raise BadMessage("AR", "MSH-2 does not name four different separators.", place="MSH^1^2", error="100")

    def get(number: int) -> str:
        return fields[number - 1].strip() if number <= len(fields) else ""

    return Head(
        separators=line[3] + marks,
        application=get(3).split(marks[0])[0],
        facility=get(4).split(marks[0])[0],
        receiver=get(5),
        receiving_facility=get(6),
        kind=get(9).replace(marks[0], "^"),
        control_id=get(10),
        processing=get(11).split(marks[0])[0] or "P",
        version=get(12).split(marks[0])[0] or "2.5.1",
        charset=get(18).split(marks[1])[0].upper(),
    )


def decode(raw: bytes, head: Head, encoding: str = "") -> tuple[str, str]:
    """(text, codec): by MSH-18, else as the connection is set up, else UTF-8. Raises BadMessage: nothing is guessed."""
    codec = CHARSETS.get(head.charset) if head.charset else encoding or "utf-8"
    if codec is None:
        known = ", ".join(sorted(CHARSETS))
        text = f"Character set {head.charset!r} (MSH-18) is not supported; supported are {known}."
        raise BadMessage("AR", text, place="MSH^1^18", error="103")
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as error:
        told = f"The message is not in {codec}: byte {error.start} cannot be read. Name the character set in MSH-18."
        raise BadMessage("AE", told, place="MSH^1^18", error="102") from None
    return re.sub(r"\r\n|\n", "\r", text.strip("\r\n ")) + "\r", codec
