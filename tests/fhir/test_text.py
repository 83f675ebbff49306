"""Texts are read strictly and kept as they were sent."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from fhir import text
from fhir.outcomes import Refused

MOMENT = datetime(2025, 7, 1, 8, 30, tzinfo=UTC)


def compose(sent: str) -> str:
    return text.compose(text.parse(sent), id="p1", version=3, last_updated=MOMENT)


def test_non_integer_numbers_are_exact() -> None:
    resource = text.parse('{"a":12.500,"b":1e2,"c":7,"d":0.1234567890123456789012345}').resource
    assert {name: (type(value), str(value)) for name, value in resource.items()} == {
        "a": (Decimal, "12.500"),
        "b": (Decimal, "1E+2"),
        "c": (int, "7"),
        "d": (Decimal, "0.1234567890123456789012345"),
    }


def test_composed_text_starts_with_type_id_and_meta_and_keeps_the_rest_in_order() -> None:
    sent = '{"gender":"male","id":"mine","birthDate":"1970-03","resourceType":"Patient","active":true}'
    assert compose(sent) == (
        '{"resourceType":"Patient","id":"p1",'
        '"meta":{"versionId":"3","lastUpdated":"2025-07-01T08:30:00.000Z"},'
        '"gender":"male","birthDate":"1970-03","active":true}'
    )


def test_client_meta_is_kept_but_version_and_time_are_ours() -> None:
    sent = (
        '{"resourceType":"Patient","meta":{"versionId":"77","lastUpdated":"1999-01-01T00:00:00Z",'
        '"profile":["http:\\/\\/x"],"tag":[{"code":"demo"}],"source":"#a"}}'
    )
    assert compose(sent) == (
        '{"resourceType":"Patient","id":"p1","meta":{"versionId":"3","lastUpdated":"2025-07-01T08:30:00.000Z",'
        '"profile":["http:\\/\\/x"],"tag":[{"code":"demo"}],"source":"#a"}}'
    )


def test_only_line_breaks_and_indentation_are_taken_out() -> None:
    sent = (
        '{\r\n  "resourceType" : "Basic",\r\n  "text": "two\\n  lines  \\u00e9 \\/",\n\t"n": [\n  1.0 ,\n  -0\n]\n}\n'
    )
    assert compose(sent) == (
        '{"resourceType":"Basic","id":"p1","meta":{"versionId":"3","lastUpdated":"2025-07-01T08:30:00.000Z"},'
        '"text": "two\\n  lines  \\u00e9 \\/","n": [1.0 ,-0]}'
    )


def test_a_resource_built_in_python_is_written_with_all_digits() -> None:
    resource = {"resourceType": "Basic", "a": Decimal("12.500"), "b": [Decimal("0.10"), 3], "c": 'Đức "x"'}
    document = text.Document.of(resource)
    assert document.raw == '{"resourceType":"Basic","a":12.500,"b":[0.10,3],"c":"Đức \\"x\\""}'
    assert text.parse(document.raw).spans == document.spans
    assert text.serialise(resource) == document.raw


@pytest.mark.parametrize(
    ("moment", "written"),
    [
        (datetime(2025, 7, 1, 8, 30, tzinfo=UTC), "2025-07-01T08:30:00.000Z"),
        (datetime(2025, 7, 1, 8, 30, 1, 5000, tzinfo=UTC), "2025-07-01T08:30:01.005Z"),
        (datetime(2025, 7, 1, 8, 30, 1, 5001, tzinfo=UTC), "2025-07-01T08:30:01.005001Z"),
        (datetime.fromisoformat("2025-07-01T08:30:00+07:00"), "2025-07-01T01:30:00.000Z"),
    ],
)
def test_instants_are_in_utc(moment: datetime, written: str) -> None:
    assert text.instant(moment) == written


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("", "at line 1, column 1: a FHIR resource is one JSON object and starts with '{'"),
        ("[1]", "at line 1, column 1: a FHIR resource is one JSON object and starts with '{'"),
        ('{"a":1} {}', "at line 1, column 9: there is more text after the end of the object"),
        ('{"a":1,\n "a":2}', "at line 2, column 2: the member 'a' stands twice in one object"),
        ('{"a":1,"b":{"x":1,"x":2}}', "at line 1, column 12: the member 'x' stands twice in one object"),
        ('{"a":[{"b":\n NaN}]}', "at line 2, column 2: NaN is not a JSON number"),
        ('{"a":-Infinity}', "at line 1, column 6: -Infinity is not a JSON number"),
        ('{"a":01}', "at line 1, column 7: a ',' or '}' is expected here"),
        ('{"a":1,}', "at line 1, column 8: a member name in double quotes is expected here"),
        ("{'a':1}", "at line 1, column 2: a member name in double quotes is expected here"),
        ('{"a" 1}', "at line 1, column 6: a ':' is expected here"),
        ('{"a":}', "at line 1, column 6: a value is expected here"),
        ('{"a":tru}', "at line 1, column 6: a value is expected here"),
        ('{"a":1', "at line 1, column 7: a ',' or '}' is expected here"),
        ('{"a":"' + "\n" + '"}', "at line 1, column 7: Invalid control character at"),
        (b'{"a":"\xff"}', ": byte 7 of the body is not UTF-8"),
        ('{"a":' + "9" * 5000 + "}", "at line 1, column 6: a number is too long or too large"),
        ('{"a":1e99999999999999999999}', "at line 1, column 6: a number is too long or too large"),
        ('{"a":' + "[" * 100_000, ": the objects and arrays are nested too deeply"),
    ],
)
def test_an_unreadable_body_is_refused_with_its_place(sent: str | bytes, told: str) -> None:
    with pytest.raises(Refused) as refused:
        text.parse(sent)
    assert refused.value.status == 400
    (issue,) = refused.value.issues
    assert (issue.severity, issue.code) == ("error", "structure")
    assert issue.diagnostics.endswith(told + ".")


def test_a_byte_order_mark_is_no_fault() -> None:
    assert text.parse('\ufeff{"a":"ế"}'.encode()).resource == {"a": "ế"}


BUNDLE = """{"resourceType": "Bundle", "type": "transaction", "entry": [
  {"fullUrl": "urn:uuid:0e5ce4e5-0000-4000-8000-000000000001",
   "resource": {"resourceType": "Patient", "birthDate": "1970"},
   "request": {"method": "POST", "url": "Patient"}},
  {"resource": {"resourceType": "Observation", "valueQuantity": {"value": 1.50},
                "subject": {"reference": "urn:uuid:0e5ce4e5-0000-4000-8000-000000000001"}},
   "request": {"method": "POST", "url": "Observation"}},
  {"request": {"method": "DELETE", "url": "Patient/9"}}
]}"""


def test_a_bundle_is_taken_apart_with_the_texts_of_its_resources() -> None:
    bundle = text.split_bundle(BUNDLE)
    assert bundle.document.resource == text.parse(BUNDLE).resource
    assert [entry.entry["request"]["method"] for entry in bundle.entries] == ["POST", "POST", "DELETE"]
    patient, observation, deletion = (entry.document for entry in bundle.entries)
    assert deletion is None
    assert patient is not None
    assert patient.raw == '{"resourceType": "Patient", "birthDate": "1970"}'
    assert observation is not None
    stored = text.compose(
        observation.rewritten({"urn:uuid:0e5ce4e5-0000-4000-8000-000000000001": "Patient/p1"}),
        id="o1",
        version=1,
        last_updated=MOMENT,
    )
    assert stored == (
        '{"resourceType":"Observation","id":"o1","meta":{"versionId":"1","lastUpdated":"2025-07-01T08:30:00.000Z"},'
        '"valueQuantity": {"value": 1.50},"subject": {"reference": "Patient/p1"}}'
    )


@pytest.mark.parametrize(
    "sent", ['{"entry":[{"resource":{"a":1,"a":2}}]}', '{"entry":[{"resource":3},]}', '{"entry":[{"x":1}'], ids=str
)
def test_an_unreadable_bundle_is_refused(sent: str) -> None:
    with pytest.raises(Refused) as refused:
        text.split_bundle(sent)
    assert refused.value.status == 400


@pytest.mark.parametrize("entry", [3, [], [3], [{"resource": 3}], [[{}]], {}])
def test_an_oddly_shaped_bundle_is_left_to_validation(entry: Any) -> None:
    bundle = text.split_bundle(text.serialise({"entry": entry}))
    assert bundle.document.resource == {"entry": entry}
    assert [part.document for part in bundle.entries] == [None] * len(bundle.entries)


URN = "urn:uuid:0e5ce4e5-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("sent", "rewritten"),
    [
        (f'{{"reference":"{URN}"}}', '{"reference":"Patient/1"}'),
        (f'{{"reference" : "{URN}"}}', '{"reference" : "Patient/1"}'),
        (f'{{"valueUri":"{URN}","x":["{URN}"]}}', '{"valueUri":"Patient/1","x":["Patient/1"]}'),
        ('{"reference":"http://a/b/Patient/7"}', '{"reference":"Patient/1"}'),
        ('{"reference":"http:\\/\\/a\\/b\\/Patient\\/7"}', '{"reference":"Patient/1"}'),
        ('{"reference":"Patient?identifier=a|b"}', '{"reference":"Patient/1"}'),
        (f'{{"div":"<a href=\\"{URN}\\">"}}', '{"div":"<a href=\\"Patient/1\\">"}'),
        (f'{{"div":"<img src=\'{URN}\'>"}}', '{"div":"<img src=\'Patient/1\'>"}'),
        # what only looks like a reference stays
        (f'{{"value":"{URN}","system":"urn:ietf:rfc:3986"}}', None),
        (f'{{"valueString": "{URN}"}}', None),
        (f'{{"text":"see {URN}"}}', None),
        (f'{{"text":"\\"{URN}"}}', None),
        (f'{{"text":"\\"reference\\":\\"{URN}\\""}}', None),
        ('{"url":"http://a/b/Patient/7"}', None),
        ('{"reference":"http://a/b/Patient/70"}', None),
        ('{"reference":"urn:uuid:0e5ce4e5-0000-4000-8000-000000000002"}', None),
    ],
)
def test_references_are_rewritten_and_nothing_else(sent: str, rewritten: str | None) -> None:
    mapping = dict.fromkeys((URN, "http://a/b/Patient/7", "Patient?identifier=a|b"), "Patient/1")
    assert text.rewrite_references(sent, mapping) == (sent if rewritten is None else rewritten)


def test_reference_strings_are_listed_without_escapes() -> None:
    sent = '{"a":{"reference":"Patient\\/1"},"b":[{"reference":"#x"}],"c":"reference"}'
    assert list(text.reference_strings(sent)) == ["Patient/1", "#x"]
