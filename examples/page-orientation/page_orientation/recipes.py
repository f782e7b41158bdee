"""Layout recipes, and which of the three sets owns each: training, calibration, evaluation.

A model that judges the ragged margin instead of the letters looks perfect on pages that all
start at the left, and fails on the first right-aligned letter. So the layouts vary, and the
pages that judge a model come from recipes that had no part in making it: no two sets share a
recipe.
"""

from dataclasses import dataclass
from typing import Literal

Align = Literal["left", "centre", "right", "justified"]
Block = Literal["title", "heading", "paragraph", "list", "table", "rule"]
Indent = Literal["none", "first-line", "hanging"]


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How the blocks of a page are laid out; `blocks` repeat until the page is full."""

    name: str
    align: Align
    columns: int
    blocks: tuple[Block, ...]
    indent: Indent = "none"
    leading: float = 1.25
    """Distance of two lines, in font sizes."""

    @property
    def layout(self) -> tuple[Align, int, tuple[Block, ...], Indent]:
        """What makes two recipes the same layout, whatever they are called."""
        return self.align, self.columns, self.blocks, self.indent


CALIBRATION = (
    Recipe(name="glossary", align="left", columns=1, blocks=("paragraph",), indent="hanging"),
    Recipe(
        name="centred-rules",
        align="centre",
        columns=1,
        blocks=("paragraph", "rule"),
        leading=1.6,
    ),
    Recipe(name="right-list", align="right", columns=1, blocks=("heading", "list")),
    Recipe(name="newspaper", align="justified", columns=3, blocks=("heading", "paragraph")),
    Recipe(name="centred-columns", align="centre", columns=2, blocks=("heading", "list")),
    Recipe(name="table-after-text", align="justified", columns=1, blocks=("paragraph", "table")),
    Recipe(name="right-columns", align="right", columns=2, blocks=("paragraph",)),
    Recipe(
        name="sections",
        align="left",
        columns=1,
        blocks=("heading", "paragraph", "rule", "paragraph"),
    ),
)

EVALUATION = (
    Recipe(name="letter", align="left", columns=1, blocks=("paragraph",)),
    Recipe(name="poem", align="centre", columns=1, blocks=("heading", "paragraph"), leading=1.45),
    Recipe(name="right-aligned", align="right", columns=1, blocks=("paragraph",)),
    Recipe(name="book", align="justified", columns=1, blocks=("paragraph",), indent="first-line"),
    Recipe(
        name="article", align="justified", columns=2, blocks=("heading", "paragraph", "paragraph")
    ),
    Recipe(name="leaflet", align="left", columns=2, blocks=("paragraph", "list")),
    Recipe(name="table", align="left", columns=1, blocks=("heading", "table")),
    Recipe(name="title-page", align="centre", columns=1, blocks=("title", "rule", "paragraph")),
    Recipe(name="checklist", align="left", columns=1, blocks=("heading", "list")),
    Recipe(name="right-memo", align="right", columns=1, blocks=("heading", "paragraph", "rule")),
)

TRAINING = (
    Recipe(name="notice", align="left", columns=1, blocks=("title", "paragraph")),
    Recipe(name="minutes", align="left", columns=1, blocks=("paragraph", "list"), leading=1.4),
    Recipe(name="essay", align="left", columns=1, blocks=("paragraph",), indent="first-line"),
    Recipe(name="index", align="left", columns=3, blocks=("list",), leading=1.15),
    Recipe(
        name="invitation", align="centre", columns=1, blocks=("title", "paragraph"), leading=1.6
    ),
    Recipe(name="menu", align="centre", columns=1, blocks=("heading", "list"), leading=1.4),
    Recipe(name="verses", align="centre", columns=2, blocks=("paragraph",)),
    Recipe(name="programme", align="centre", columns=1, blocks=("heading", "rule", "list")),
    Recipe(name="address", align="right", columns=1, blocks=("title", "paragraph"), leading=1.4),
    Recipe(
        name="right-essay", align="right", columns=1, blocks=("paragraph",), indent="first-line"
    ),
    Recipe(name="right-sections", align="right", columns=1, blocks=("heading", "paragraph")),
    Recipe(name="captions", align="right", columns=2, blocks=("heading", "list")),
    Recipe(name="novel", align="justified", columns=1, blocks=("paragraph",), leading=1.4),
    Recipe(name="journal", align="justified", columns=2, blocks=("paragraph",)),
    Recipe(name="report", align="justified", columns=1, blocks=("heading", "paragraph", "list")),
    Recipe(name="price-list", align="justified", columns=1, blocks=("title", "table", "paragraph")),
)
"""For examples that train: not in the example's manifest, whose techniques need no training."""
