"""The XHTML of a narrative: only what FHIR allows (its constraint txt-1), and nothing that could run.

An empty narrative (txt-2) passes: it harms nobody, and HL7's own examples have some.
"""

import re
from html.entities import name2codepoint
from xml.parsers import expat


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ELEMENTS = _words(
    """a abbr acronym b big blockquote br caption cite code col colgroup dd dfn div dl dt em h1 h2 h3 h4 h5 h6 hr i img
    li ol p pre q samp small span strong sub sup table tbody td tfoot th thead tr tt ul var"""
)
_ATTRIBUTES = _words(
    """abbr accesskey align alt axis bgcolor border cellhalign cellpadding cellspacing cellvalign char charoff charset
    cite class colspan compact coords dir frame headers height href hreflang hspace id lang longdesc name nowrap
    rel rev rowspan rules scope shape span src start style summary tabindex title type valign value vspace width
    xml:lang xml:space xmlns"""
)
_LINKS = frozenset({"href", "src", "cite", "longdesc"})
_XHTML = "http://www.w3.org/1999/xhtml"

_named_entity = re.compile(r"&([A-Za-z][A-Za-z0-9]*);").sub
_scheme = re.compile(r"[\x00-\x20]*([A-Za-z][A-Za-z0-9+.\-\s]*):").match
_SAFE_SCHEMES = frozenset({"http", "https", "mailto", "tel", "ftp", "urn", "cid"})
_image_data = re.compile(r"data:\s?image/(?:png|gif|jpeg|jpg|webp|bmp);base64,").match
_style_danger = re.compile(
    r"expression\s*\(|javascript\s*:|vbscript\s*:|behaviou?r\s*:|-moz-binding|@import|\\", re.I
).search


def problems(div: str) -> list[str]:
    """Sentences on what is wrong with the markup; empty if it may be kept and shown."""
    if "<!DOCTYPE" in div:  # where entities are declared that grow without bound; so it is not even read
        return ["a DOCTYPE is not allowed in a narrative"]
    return _Reader().read(div)


def _character(found: re.Match[str]) -> str:
    """XHTML's named characters, which a bare XML parser does not know; the five of XML stay as they are."""
    name = found[1]
    if name in ("amp", "lt", "gt", "quot", "apos") or name not in name2codepoint:
        return found[0]
    return f"&#{name2codepoint[name]};"


class _Reader:
    def __init__(self) -> None:
        self.found: dict[str, None] = {}  # in order, each once
        self.depth = 0

    def read(self, div: str) -> list[str]:
        parser = expat.ParserCreate()
        parser.StartElementHandler = self.start
        parser.EndElementHandler = self.end
        parser.ProcessingInstructionHandler = self.instruction
        try:
            parser.Parse(_named_entity(_character, div), True)
        except expat.ExpatError as error:
            self.say(f"the narrative is not well-formed XHTML: {expat.ErrorString(error.code)} at line {error.lineno}")
            return list(self.found)
        except UnicodeEncodeError:
            self.say("the narrative holds half of a surrogate pair, which is no character")
            return list(self.found)
        return list(self.found)

    def say(self, sentence: str) -> None:
        self.found[sentence] = None

    def instruction(self, *_: object) -> None:
        self.say("a processing instruction is not allowed in a narrative")

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if self.depth == 0 and (name != "div" or attributes.get("xmlns") != _XHTML):
            self.say(f'the narrative must be one <div xmlns="{_XHTML}">')
        self.depth += 1
        if name not in _ELEMENTS:
            self.say(f"the element <{name}> is not allowed in a narrative")
        for attribute, value in attributes.items():
            if attribute not in _ATTRIBUTES:
                self.say(f"the attribute {attribute!r} of <{name}> is not allowed in a narrative")
            elif attribute in _LINKS and not _safe_link(name, value):
                self.say(f"the {attribute} {value[:40]!r} of <{name}> is not allowed in a narrative")
            elif attribute == "style" and _style_danger(value):
                self.say(f"the style {value[:40]!r} of <{name}> is not allowed in a narrative")

    def end(self, _: str) -> None:
        self.depth -= 1


def _safe_link(element: str, value: str) -> bool:
    found = _scheme(value)
    if found is None:
        return True
    if element == "img" and _image_data(value):
        return True
    return "".join(found[1].split()).lower() in _SAFE_SCHEMES
