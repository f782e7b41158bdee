"""Makes what the example needs: model.onnx, calibration.tar, evaluation.tar and sample pages.

    uv run --extra extended python examples/page-orientation/prepare.py --out DIR

Same fonts and same locked packages give the same bytes, so the digests in modeldeployment.yaml
hold on Debian 12. Elsewhere the fonts may differ; DIR/modeldeployment.yaml then pins what was
made here. Run it a second time and nothing is made again.
"""  # noqa: INP001 - a script, not a package

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from page_orientation.dataset import (
    LABELS,
    RECIPES,
    TURNS,
    Page,
    archive,
    labels_csv,
    pages,
    render,
)
from page_orientation.fonts import PACKAGES, installed, loader, needed_files
from page_orientation.manifest import digests, with_digests
from page_orientation.model import ModelError, fetch_model, sha256
from page_orientation.reference import misread
from rich.console import Console

MANIFEST = Path(__file__).with_name("modeldeployment.yaml")
SPLITS = ("calibration", "evaluation")
TRAINING = "training"


def main() -> int:
    """Prepare the folder; 0 if the source model reads the pages as it should."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, required=True, help="folder for the files")
    parser.add_argument("--manifest", type=Path, help="default: OUT/modeldeployment.yaml")
    parser.add_argument(
        "--training", action="store_true", help="also training.tar, for manifests that train"
    )
    parser.add_argument(
        "--evaluation-pages",
        type=int,
        metavar="N",
        help="of each recipe and turn, for a closer look at each; default: 10",
    )
    options = parser.parse_args()
    out: Path = options.out
    manifest: Path = options.manifest or out / MANIFEST.name
    console = Console(highlight=False, soft_wrap=True)
    if is_prepared(out, manifest):
        console.print(f"{out} is prepared already.")
        if not options.training or (out / f"{TRAINING}.tar").is_file():
            return 0
    try:
        prepare(out, manifest, console, options.evaluation_pages)
        if options.training:
            write_split(TRAINING, out, console)
    except (ModelError, FontError) as error:
        print(f"error: {error}", file=sys.stderr)  # noqa: T201 - a command line program
        return 1
    return 0


class FontError(Exception):
    """Which fonts are missing, and what to do."""


def is_prepared(out: Path, manifest: Path) -> bool:
    """Whether every file that the manifest pins lies in `out` with that digest."""
    if not manifest.is_file() or not (out / "samples").is_dir():
        return False
    if strip(manifest) != strip(MANIFEST):
        return False
    pinned = digests(manifest.read_text(encoding="utf-8"))
    return all(
        (out / name).is_file() and f"sha256:{sha256(out / name)}" == digest
        for name, digest in pinned.items()
    )


def strip(manifest: Path) -> str:
    """The manifest without its digests."""
    text = manifest.read_text(encoding="utf-8")
    return with_digests(text, dict.fromkeys(digests(text), ""))


def prepare(
    out: Path, manifest: Path, console: Console, evaluation_pages: int | None = None
) -> None:
    """Make every file, then the manifest, so that a manifest stands for a whole folder."""
    out.mkdir(parents=True, exist_ok=True)
    fetch_model(out / "model.onnx")
    ensure_fonts()
    for split in SPLITS:
        write_split(split, out, console, evaluation_pages if split == "evaluation" else None)
    template = MANIFEST.read_text(encoding="utf-8")
    found = {name: f"sha256:{sha256(out / name)}" for name in digests(template)}
    manifest.write_text(with_digests(template, found), encoding="utf-8")
    if found == digests(template):
        console.print(f"The digests are those of {MANIFEST}; apply it as it is.")
    else:
        console.print(f"The fonts, packages or pages here are others; apply {manifest} instead.")


def write_split(split: str, out: Path, console: Console, per_turn: int | None = None) -> None:
    """One set: its archive, and what the source model makes of it."""
    fonts = loader(installed())
    images = [(page, render(page, fonts)) for page in pages(split, per_turn)]
    data = archive(dict(images))
    (out / f"{split}.tar").write_bytes(data)
    wrong = misread(out / "model.onnx", images)
    console.print(
        f"{split}.tar: {len(images)} pages, {len(data) / 1e6:.1f} MB, of which the source model "
        f"reads {1 - wrong.total() / len(images):.2%}"
    )
    each = len(images) // len(wrong)
    for recipe, count in sorted(wrong.items()):
        console.print(f"  {recipe:18} {each - count:3d} of {each}")
    if split == "evaluation":
        write_samples(images, out / "samples")


def write_samples(images: list[tuple[Page, bytes]], folder: Path) -> None:
    """One page of each recipe as a single file: the first, in turn 0, 90, 180, 270, 0 and so on."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    jpegs = dict(images)
    samples = [
        Page("evaluation", recipe, TURNS[index % len(TURNS)], 0)
        for index, recipe in enumerate(RECIPES["evaluation"])
    ]
    for page in samples:
        (folder / page.file).write_bytes(jpegs[page])
    (folder / LABELS).write_bytes(labels_csv(samples))


def ensure_fonts() -> None:
    """Install the fonts where that is possible."""
    if needed_files() <= installed().keys():
        return
    names = " ".join(PACKAGES)
    if os.geteuid() == 0 and shutil.which("apt-get"):
        for words in (["update"], ["install", "--yes", "--no-install-recommends", *PACKAGES]):
            subprocess.run(["apt-get", "-qq", *words], check=False, stdout=subprocess.DEVNULL)  # noqa: S603, S607 - fixed words
    missing = needed_files() - installed().keys()
    if missing:
        raise FontError(
            f"{len(missing)} fonts are missing, {min(missing)} among them; install the packages "
            f"that hold them (Debian: apt-get install {names}) and run this again."
        )


if __name__ == "__main__":
    sys.exit(main())
