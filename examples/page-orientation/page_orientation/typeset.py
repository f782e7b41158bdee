"""Sets one upright page: a recipe and a random stream become black text on white."""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle

from PIL import Image, ImageDraw, ImageFont

from page_orientation.fonts import TYPEFACES, FontLoader
from page_orientation.recipes import Recipe
from page_orientation.words import WORDS, chance, phrase, sentences

SHORT_EDGE = (300, 420)
"""Pixels of a page's shorter side: above the model's 256, small enough for quick archives."""
ASPECTS = (1.0, 1.2, 1.294, 1.414, 1.5)
"""Long edge over short edge; 1.294 is US Letter, 1.414 is A4."""
LINES_PER_SHORT_EDGE = (13, 30)
"""Font sizes that fit into the short edge. Smaller print is no longer legible at 224 pixels."""
GUTTER = 0.05
"""Space between columns, in page widths."""


@dataclass
class Column:
    """The part of the page that is being filled; `y` moves down."""

    left: float
    right: float
    y: float
    bottom: float

    @property
    def width(self) -> float:
        """Pixels a line may take."""
        return self.right - self.left


@dataclass(frozen=True)
class Press:
    """Draws the blocks of one page."""

    draw: ImageDraw.ImageDraw
    recipe: Recipe
    rng: random.Random
    regular: ImageFont.FreeTypeFont
    bold: ImageFont.FreeTypeFont
    large: ImageFont.FreeTypeFont
    language: str

    def line(
        self, column: Column, words: list[str], font: ImageFont.FreeTypeFont, *, spread: bool
    ) -> None:
        """One line of words at the column's `y`, aligned as the recipe says."""
        width = font.getlength(" ".join(words))
        spare = max(0.0, column.width - width)
        if spread and len(words) > 1:
            gap = font.getlength(" ") + spare / (len(words) - 1)
            x = column.left
            for word in words:
                self.draw.text((x, column.y), word, fill=0, font=font)
                x += font.getlength(word) + gap
        else:
            shift = {"centre": spare / 2, "right": spare}.get(self.recipe.align, 0.0)
            self.draw.text((column.left + shift, column.y), " ".join(words), fill=0, font=font)
        column.y += font.size * self.recipe.leading

    def wrapped(self, column: Column, words: list[str], font: ImageFont.FreeTypeFont) -> None:
        """Words broken into lines, until they or the column end."""
        whole = column.left
        line: list[str] = []
        indent = font.size * 1.5
        first = True
        for word in [*words, ""]:
            hang = self.recipe.indent == ("first-line" if first else "hanging")
            column.left = whole + (indent if hang else 0.0)
            full = font.getlength(" ".join([*line, word])) > column.width
            if line and (full or not word):
                if column.y + font.size > column.bottom:
                    break
                self.line(column, line, font, spread=self.recipe.align == "justified" and full)
                line, first = [], False
            line.append(word)
        column.left = whole

    def title(self, column: Column) -> None:
        """A few words in large print."""
        self.wrapped(column, phrase(self.rng, self.language, 3).split(), self.large)
        column.y += self.large.size * 0.3

    def heading(self, column: Column) -> None:
        """A few bold words."""
        words = phrase(self.rng, self.language, self.rng.randint(2, 4)).split()
        self.wrapped(column, words, self.bold)

    def paragraph(self, column: Column) -> None:
        """Some sentences."""
        words = sentences(self.rng, self.language, self.rng.randint(14, 40))
        self.wrapped(column, words, self.regular)
        column.y += self.regular.size * self.rng.uniform(0.1, 0.7)

    def list(self, column: Column) -> None:
        """Items of a few words, each with a mark."""
        mark = self.rng.choice(("•", "-", "1.", "*"))
        for number in range(1, self.rng.randint(3, 6)):
            sign = f"{number}." if mark == "1." else mark
            text = phrase(self.rng, self.language, self.rng.randint(2, 6)).split()
            self.wrapped(column, [sign, *text], self.regular)
        column.y += self.regular.size * 0.4

    def table(self, column: Column) -> None:
        """Rows of a word and numbers, with or without lines."""
        count = self.rng.randint(2, 4)
        step = self.regular.size * 1.5
        ruled = chance(self.rng, 0.6)
        for row in range(self.rng.randint(4, 8)):
            if column.y + step > column.bottom:
                return
            font = self.bold if row == 0 else self.regular
            for cell in range(count):
                is_word = cell == 0 or row == 0 or chance(self.rng, 0.4)
                words = phrase(self.rng, self.language, 1)
                text = words if is_word else f"{self.rng.uniform(1, 999):.2f}"
                x = column.left + column.width * cell / count
                self.draw.text((x, column.y), text, fill=0, font=font)
            column.y += step
            if ruled:
                y = column.y - step * 0.1
                self.draw.line((column.left, y, column.right, y), fill=0)
        column.y += step * 0.4

    def rule(self, column: Column) -> None:
        """A horizontal line."""
        y = column.y + self.regular.size * 0.3
        self.draw.line((column.left, y, column.right, y), fill=0, width=self.rng.randint(1, 2))
        column.y = y + self.regular.size * 0.7


def typeset(recipe: Recipe, rng: random.Random, fonts: FontLoader) -> Image.Image:
    """An upright page in grey levels: text 0, paper 255."""
    width, height = _page_size(rng)
    page = Image.new("L", (width, height), 255)
    press = _press(recipe, rng, fonts, page)
    margin = min(width, height) * rng.uniform(0.04, 0.1)
    span = (width - 2 * margin + GUTTER * width) / recipe.columns
    blocks = cycle(recipe.blocks)
    for index in range(recipe.columns):
        left = margin + index * span
        top = margin + press.regular.size * rng.uniform(0, 1.5)
        bottom = height - margin - (height * 0.15 * rng.random())
        column = Column(left=left, right=left + span - GUTTER * width, y=top, bottom=bottom)
        while _grows(column, getattr(press, next(blocks))):
            pass
    return page


def _grows(column: Column, block: Callable[[Column], None]) -> bool:
    """Whether the next block still found room."""
    before = column.y
    block(column)
    return before < column.y < column.bottom


def _page_size(rng: random.Random) -> tuple[int, int]:
    short = rng.randint(*SHORT_EDGE)
    long = round(short * rng.choice(ASPECTS))
    return (short, long) if chance(rng, 0.7) else (long, short)


def _press(recipe: Recipe, rng: random.Random, fonts: FontLoader, page: Image.Image) -> Press:
    face = rng.choice(TYPEFACES)
    size = min(page.size) / rng.uniform(*LINES_PER_SHORT_EDGE)

    return Press(
        draw=ImageDraw.Draw(page),
        recipe=recipe,
        rng=rng,
        regular=fonts(face.regular, round(size)),
        bold=fonts(face.bold, round(size * rng.uniform(1.1, 1.5))),
        large=fonts(face.bold, round(size * rng.uniform(1.8, 2.6))),
        language=rng.choice(tuple(WORDS)),
    )
