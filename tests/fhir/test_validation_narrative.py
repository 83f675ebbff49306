"""A narrative is kept only if it is FHIR's harmless part of XHTML."""

import pytest

from fhir.validation import validate
from fhir.validation.narrative import problems

XHTML = "http://www.w3.org/1999/xhtml"


def div(inside: str) -> str:
    return f'<div xmlns="{XHTML}">{inside}</div>'


@pytest.mark.parametrize(
    "inside",
    [
        "Nguyễn Văn Đức",
        "<p>a &nbsp; &lt;b&gt; &eacute; &#233;</p>",
        '<table class="grid"><tr><td colspan="2" style="color: red">1</td></tr></table>',
        '<a href="https://example.org/x?a=1&amp;b=2">x</a><a href="#top">y</a><a href="Patient/1">z</a>',
        '<a href="mailto:a@example.org">x</a>',
        '<img src="data:image/png;base64,iVBORw0KGgo=" alt="x"/><img src="#image"/>',
        "<!-- a remark -->",
    ],
)
def test_harmless_markup_passes(inside: str) -> None:
    assert problems(div(inside)) == []


@pytest.mark.parametrize(
    ("inside", "sentence"),
    [
        ("<script>alert(1)</script>", "the element <script> is not allowed in a narrative"),
        ("<SCRIPT>alert(1)</SCRIPT>", "the element <SCRIPT> is not allowed in a narrative"),
        ("<x:script>1</x:script>", "the element <x:script> is not allowed in a narrative"),
        ('<p xmlns:x="http://x">1</p>', "the attribute 'xmlns:x' of <p> is not allowed in a narrative"),
        ("<iframe/>", "the element <iframe> is not allowed in a narrative"),
        ("<style>a{}</style>", "the element <style> is not allowed in a narrative"),
        ("<form/>", "the element <form> is not allowed in a narrative"),
        ("<svg/>", "the element <svg> is not allowed in a narrative"),
        ('<p onclick="x()">a</p>', "the attribute 'onclick' of <p> is not allowed in a narrative"),
        ('<p data-x="1">a</p>', "the attribute 'data-x' of <p> is not allowed in a narrative"),
        ('<a href="javascript:x()">a</a>', "the href 'javascript:x()' of <a> is not allowed in a narrative"),
        ('<a href=" JaVaScRiPt:x()">a</a>', "the href ' JaVaScRiPt:x()' of <a> is not allowed in a narrative"),
        ('<a href="java&#9;script:x()">a</a>', "the href 'java\\tscript:x()' of <a> is not allowed in a narrative"),
        ('<a href="data:text/html,x">a</a>', "the href 'data:text/html,x' of <a> is not allowed in a narrative"),
        (
            '<img src="data:image/svg+xml;base64,x"/>',
            "the src 'data:image/svg+xml;base64,x' of <img> is not allowed in a narrative",
        ),
        (
            '<p style="x: expression(alert(1))">a</p>',
            "the style 'x: expression(alert(1))' of <p> is not allowed in a narrative",
        ),
        ("<?php x ?>", "a processing instruction is not allowed in a narrative"),
        ("<p>a", "the narrative is not well-formed XHTML: mismatched tag at line 1"),
        ("&nope;", "the narrative is not well-formed XHTML: undefined entity at line 1"),
    ],
)
def test_what_could_run_or_is_no_xhtml_is_refused(inside: str, sentence: str) -> None:
    assert problems(div(inside)) == [sentence]


@pytest.mark.parametrize(
    "markup", ["<p>a</p>", "<div>a</div>", '<div xmlns="http://x">a</div>', f'<span xmlns="{XHTML}">a</span>']
)
def test_a_narrative_is_one_div_of_xhtml(markup: str) -> None:
    assert problems(markup) == [f'the narrative must be one <div xmlns="{XHTML}">']


def test_entities_cannot_be_declared() -> None:
    bomb = f'<!DOCTYPE div [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>{div("&b;")}'
    assert problems(bomb) == ["a DOCTYPE is not allowed in a narrative"]


def test_narrative_faults_are_told_at_the_div() -> None:
    resource = {"resourceType": "Patient", "text": {"status": "generated", "div": div("<script>x</script>")}}
    (issue,) = validate(resource)
    assert (issue.severity, issue.code, issue.expression, issue.diagnostics) == (
        "error",
        "value",
        "Patient.text.div",
        "The element <script> is not allowed in a narrative.",
    )
