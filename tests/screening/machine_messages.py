"""HL7 messages for tests, written by hand for a person and a tube."""

from typing import Any

from records.models import Facility
from screening.models import MachineConnection

PID = "PID|1||000160000001^^^VN^NI~77^^^LAB^MR||Nguyễn^Lan^Thị||19600312|F|||||0912345678"
OBR = "OBR|1|ORD1|S001^LIS|FIT^Stool blood^L|||20240506083000|||||||||||||||20240508||LAB|F"
OBX = "OBX|1|NM|27396-1^Hemoglobin^LN||12.5|ug/g^ug/g^UCUM|<20|N|||F|||20240508"


def message(*segments: str, control: str = "M1", charset: str = "UNICODE UTF-8", msh: str = "") -> bytes:
    """An ORU^R01 of the analyser at 01901."""
    head = msh or f"MSH|^~\\&|OC-SENSOR|01901|HEALTHHUB|HN|20240508101500+0700||ORU^R01^ORU_R01|{control}|P|2.5.1"
    head += "" if msh else f"||||||{charset}"
    encoding = {"8859/1": "iso-8859-1", "WINDOWS-1258": "cp1258"}.get(charset, "utf-8")
    return "\r".join([head, *(segments or (PID, OBR, OBX)), ""]).encode(encoding)


def connection_of(station: Facility, **fields: Any) -> MachineConnection:
    """The analyser's entry in the table."""
    told: dict[str, Any] = {
        "name": "OC-Sensor phòng 2",
        "facility": station.pk,
        "protocol": "hl7",
        "sending_facility": "01901",
        "addresses": "127.0.0.1",
    }
    return MachineConnection.objects.create(**told | fields)


def parts(answer: bytes) -> tuple[str, str]:
    """(code, text) of an acknowledgement."""
    msa = next(line for line in answer.decode().split("\r") if line.startswith("MSA"))
    return msa.split("|")[1], msa.split("|")[3]


def faults(answer: bytes) -> list[tuple[str, str]]:
    """(place, sentence) of its ERR segments."""
    lines = [line.split("|") for line in answer.decode().split("\r") if line.startswith("ERR")]
    return [(line[2], line[8]) for line in lines]
