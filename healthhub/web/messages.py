"""Finds the texts to translate in templates and Python files, without GNU gettext.

A text is known by `(context, singular, plural)`, context and plural being None where there is none.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

from django.template.base import Lexer, Token, TokenType
from django.utils.translation import template as syntax
from django.utils.translation import trim_whitespace

Text = tuple[str | None, str, str | None]

# Argument positions of (context, singular, plural) by function name; `_lazy` and `_noop` variants are alike.
FUNCTIONS: dict[str, tuple[int | None, int, int | None]] = {
    "_": (None, 0, None),
    "gettext": (None, 0, None),
    "ngettext": (None, 0, 1),
    "pgettext": (0, 1, None),
    "npgettext": (0, 1, 2),
}


def find_texts(root: Path, folders: list[str]) -> dict[Text, set[str]]:
    """Every text under the folders of `root`, with the paths of the files that use it."""
    found: dict[Text, set[str]] = {}
    for folder in folders:
        for path in sorted((root / folder).rglob("*")):
            if path.suffix == ".py" and "migrations" not in path.parts:
                texts = in_python(path.read_text(encoding="utf-8"))
            elif path.suffix in {".html", ".txt"} and "templates" in path.parts:
                texts = in_template(path.read_text(encoding="utf-8"))
            else:
                continue
            for text in texts:
                found.setdefault(text, set()).add(path.relative_to(root).as_posix())
    return found


def in_python(source: str) -> Iterator[Text]:
    """The texts in calls of the gettext functions, whatever name a file imports them by; only literal strings count."""
    nodes = list(ast.walk(ast.parse(source)))
    imports = [node for node in nodes if isinstance(node, ast.ImportFrom) and node.module == "django.utils.translation"]
    functions = {each.asname or each.name: each.name for node in imports for each in node.names}
    for node in nodes:
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        positions = FUNCTIONS.get(functions.get(name, name).removesuffix("_lazy").removesuffix("_noop"))
        if positions is None:
            continue
        words = [argument.value if isinstance(argument, ast.Constant) else None for argument in node.args]
        texts = [words[at] if at is not None and at < len(words) else None for at in positions]
        context, singular, plural = (text if isinstance(text, str) else None for text in texts)
        if singular is not None:
            yield context, singular, plural


def in_template(source: str) -> Iterator[Text]:
    """The texts in `translate` and `blocktranslate` tags and in `_("…")` in tags, variables and components."""
    tokens = iter(Lexer(source).tokenize())
    for token in tokens:
        if token.token_type == TokenType.COMMENT:
            continue
        for constant in syntax.constant_re.findall(token.contents):
            yield None, _unquote(constant), None
        if token.token_type != TokenType.BLOCK:
            continue
        if inline := syntax.inline_re.match(token.contents):
            yield _context(inline[2]), _unquote(inline[1]), None
        elif block := syntax.block_re.match(token.contents):
            yield _context(block[1]), *_inside_block(tokens, trimmed="trimmed" in token.split_contents())


def _inside_block(tokens: Iterator[Token], *, trimmed: bool) -> tuple[str, str | None]:
    """The block's text with `%(name)s` for its variables, and the text after `{% plural %}` if there is one."""
    parts: list[list[str]] = [[]]
    for token in tokens:
        if token.token_type == TokenType.TEXT:
            parts[-1].append(token.contents.replace("%", "%%"))
        elif token.token_type == TokenType.VAR:
            parts[-1].append(f"%({token.contents})s")
        elif token.token_type == TokenType.BLOCK and syntax.plural_re.match(token.contents):
            parts.append([])
        elif token.token_type == TokenType.BLOCK:
            break
    texts = ["".join(part) for part in parts]
    if trimmed:
        texts = [trim_whitespace(text) for text in texts]
    return texts[0], texts[1] if len(texts) > 1 else None


def _context(clause: str | None) -> str | None:
    match = syntax.context_re.match(clause) if clause else None
    return match[1][1:-1] if match else None


def _unquote(literal: str) -> str:
    return literal[1:-1].replace("%", "%%")  # as Django looks it up
