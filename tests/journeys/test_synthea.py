"""Real input that nobody here wrote: 63 transaction bundles of one invented person each, made by Synthea."""

import json
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from fhirpy import SyncFHIRClient

from records.citizens import find
from tests.fhir.conftest import FhirClient

NAME = "synthea_r4_bundles.zip"
BESIDE = sorted(settings.BASE_DIR.parent.glob(f"*/data/{NAME}"))
ARCHIVE = Path(os.environ.get("SYNTHEA_BUNDLES") or (BESIDE[0] if BESIDE else NAME))
REFERENCE = re.compile(r'"urn:uuid:[^"]+"|"[A-Z][A-Za-z]+/[0-9a-f-]{36}"')

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not ARCHIVE.exists(), reason=f"{NAME} is not here; name its place in SYNTHEA_BUNDLES"),
]


def as_sent(resource: dict[str, Any]) -> str:
    """The resource without what the server sets, and with all references alike: those are resolved."""
    own = {key: value for key, value in resource.items() if key not in ("id", "meta")}
    return REFERENCE.sub('"…"', json.dumps(own, sort_keys=True))


def found_by_search(client: SyncFHIRClient, kind: str) -> Iterator[dict[str, Any]]:
    yield from (dict(resource) for resource in client.resources(kind).search(_count=500).fetch_all())


def test_all_of_synthea_is_accepted_found_and_read_back_unchanged(
    fhirpy: SyncFHIRClient, live_clinic: FhirClient
) -> None:
    sent: Counter[tuple[str, str]] = Counter()
    names: set[str] = set()
    with zipfile.ZipFile(ARCHIVE) as archive:
        texts = [archive.read(name).decode() for name in sorted(archive.namelist()) if name.endswith(".json")]
    for text in texts:
        bundle = json.loads(text)
        answer = fhirpy.execute("", method="POST", data=bundle)
        assert [entry["response"]["status"] for entry in answer["entry"]] == ["201"] * len(bundle["entry"])
        for entry in bundle["entry"]:
            resource = entry["resource"]
            sent[resource["resourceType"], as_sent(resource)] += 1
            if resource["resourceType"] == "Patient":
                names.add(resource["name"][0]["family"])
    assert (len(texts), sent.total()) == (63, 17_429)
    kinds = {kind for kind, _ in sent}
    read = Counter(
        (kind, as_sent(resource)) for kind in kinds for resource in found_by_search(fhirpy, kind) if not ours(resource)
    )
    assert read == sent
    for family in names:
        assert find(family, actor=live_clinic.actor).citizens, f"{family} is not found in /clinic/"


def ours(resource: dict[str, Any]) -> bool:
    """The clinic's own Organization was here before."""
    return resource["resourceType"] == "Organization" and resource["name"] == "Trạm y tế Dịch Vọng"
