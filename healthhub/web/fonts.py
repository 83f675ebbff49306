"""Be Vietnam Pro as TrueType for PDF: the site's web fonts, put together once and kept below VAR_DIR.

The web fonts come in three subsets (Latin, extended Latin, Vietnamese), compressed; a PDF needs one plain file.
"""

import os
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings
from fontTools import merge, subset
from fontTools.ttLib import TTFont

SUBSETS: Final = ("latin", "latin-ext", "vietnamese")
_LAYOUT: Final = ("GSUB", "GPOS", "GDEF", "DSIG", "STAT")


@cache
def font_file(weight: int) -> Path:
    """The font's file (weight 400 or 600), made if it is not there. Raises FileNotFoundError before `make setup`."""
    path = Path(settings.VAR_DIR) / "fonts" / f"be-vietnam-pro-{weight}.ttf"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(f".{os.getpid()}")
        _merge(weight, fresh)
        fresh.replace(path)
    return path


def _merge(weight: int, target: Path) -> None:
    """Put the subsets together. Letters that several have are taken from the first, so that none comes twice."""
    parts: list[Path] = []
    seen: set[int] = set()
    try:
        for name in SUBSETS:
            font = TTFont(Path(settings.STATIC_ROOT) / "fonts" / f"be-vietnam-pro-{name}-{weight}-normal.woff2")
            for table in _LAYOUT:
                if table in font:
                    del font[table]
            letters = set(font.getBestCmap())
            options = subset.Options(notdef_outline=True, hinting=False)
            cutter = subset.Subsetter(options)
            cutter.populate(unicodes=letters - seen)
            cutter.subset(font)
            font.flavor = None
            parts.append(target.with_suffix(f"{target.suffix}-{name}"))
            font.save(parts[-1])
            seen |= letters
        merge.Merger().merge([str(part) for part in parts]).save(target)
    finally:
        for part in parts:
            part.unlink(missing_ok=True)
