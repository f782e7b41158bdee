"""The fonts that pages are set in: which files, from which Debian packages."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from PIL import ImageFont

FontLoader = Callable[[str, int], ImageFont.FreeTypeFont]
"""From a font's file name and a size in pixels to the font."""

FONT_ROOT = Path("/usr/share/fonts")


@dataclass(frozen=True)
class Typeface:
    """A text font and the bold one of its family, by file name below FONT_ROOT."""

    regular: str
    bold: str


PACKAGES = (
    "fonts-dejavu-core",
    "fonts-liberation2",
    "fonts-freefont-ttf",
    "fonts-crosextra-carlito",
    "fonts-crosextra-caladea",
)
"""Debian packages that hold every file named below."""

TYPEFACES = (
    Typeface("DejaVuSans.ttf", "DejaVuSans-Bold.ttf"),
    Typeface("DejaVuSerif.ttf", "DejaVuSerif-Bold.ttf"),
    Typeface("LiberationSans-Regular.ttf", "LiberationSans-Bold.ttf"),
    Typeface("LiberationSerif-Regular.ttf", "LiberationSerif-Bold.ttf"),
    Typeface("LiberationSerif-Italic.ttf", "LiberationSerif-BoldItalic.ttf"),
    Typeface("LiberationMono-Regular.ttf", "LiberationMono-Bold.ttf"),
    Typeface("FreeSans.ttf", "FreeSansBold.ttf"),
    Typeface("FreeSerif.ttf", "FreeSerifBold.ttf"),
    Typeface("Carlito-Regular.ttf", "Carlito-Bold.ttf"),
    Typeface("Carlito-Italic.ttf", "Carlito-BoldItalic.ttf"),
    Typeface("Caladea-Regular.ttf", "Caladea-Bold.ttf"),
)


def needed_files() -> frozenset[str]:
    """File name of every font."""
    return frozenset(name for face in TYPEFACES for name in (face.regular, face.bold))


def installed(root: Path = FONT_ROOT) -> dict[str, Path]:
    """Path of each needed font that is there."""
    needed = needed_files()
    return {path.name: path for path in sorted(root.rglob("*.ttf")) if path.name in needed}


def loader(paths: Mapping[str, Path]) -> FontLoader:
    """Loads fonts from these files."""

    def load(name: str, size: int) -> ImageFont.FreeTypeFont:
        # The basic layout engine is compiled into Pillow; Raqm depends on the machine.
        return ImageFont.truetype(str(paths[name]), size, layout_engine=ImageFont.Layout.BASIC)

    return load
