"""What "nearly the same" finds, of copies that were made, and of pairs that only look alike.

    python benchmarks/near_duplicates.py [--write]

Sixty examples of each set, drawn by seed 0, are copied in several ways and looked at as `explore` looks at them. Told
is the share of copies that the rule takes for the original, and how many pairs of the set's own examples it takes for
each other. The thresholds of pictures and texts were chosen by such numbers on these same sets; that of voices was not.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.performance_page import ROOT, parser, publish, table
from engines import api, registry
from engines.adaptation.linear import unit_length
from engines.speech.audio import files
from engines.unlabelled import oddities
from engines.unlabelled.examples import Unlabelled

PAGE = ROOT / "docs/few_labels/label_first.md"
COPIED = 60
SETS = (
    ("vision.classification", "photographs"),
    ("vision.classification", "digits"),
    ("text.sentiment", "products"),
    ("speech.speaker", "voices"),
)


def _picture(change: Callable[[Image.Image], Image.Image]) -> Callable[[Path, Path], None]:
    def copy(original: Path, out: Path) -> None:
        picture = Image.open(original).convert("RGBA")
        paper = Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture).convert("RGB")
        change(paper).save(out.with_suffix(".png"))

    return copy


def recompressed(picture: Image.Image) -> Image.Image:
    file = BytesIO()
    picture.save(file, "JPEG", quality=50)
    return Image.open(file).convert("RGB")


def _sound(change: Callable[[np.ndarray], np.ndarray], suffix: str) -> Callable[[Path, Path], None]:
    return lambda original, out: files.write(out.with_suffix(suffix), change(files.read(original).samples))


FILES: Mapping[str, Mapping[str, Callable[[Path, Path], None]]] = {
    "pictures": {
        "the same": _picture(lambda picture: picture),
        "60 % of the size": _picture(lambda picture: picture.resize([max(8, round(0.6 * n)) for n in picture.size])),
        "JPEG, quality 50": _picture(recompressed),
    },
    "sounds": {
        "the same": _sound(lambda samples: samples, ".wav"),
        "half as loud": _sound(lambda samples: samples / 2, ".wav"),
        "Ogg once more": _sound(lambda samples: samples, ".ogg"),
    },
}
TEXTS: Mapping[str, Callable[[str], str]] = {
    "the same": lambda text: text,
    "capital letters": str.upper,
    "no punctuation": lambda text: "".join(c for c in text if c.isalnum() or c.isspace()),
    "without its last word": lambda text: text.rsplit(" ", 1)[0],
}


def looked_at(task: str, data: Path, out: Path) -> tuple[Unlabelled, np.ndarray | None]:
    found = registry.task(task)
    seen = found.verb("embed").look_through(found, data, found.settings(), 0, out, None)
    small = oddities.pixels([out / preview for preview in seen.previews]) if seen.kind == "pictures" else None
    return seen, small


def rows(task: str, name: str, folder: Path) -> list[tuple[str, ...]]:
    data = api.make_sample(task, name, folder / "samples")
    own, small = looked_at(task, data, folder / f"{name} own")
    chosen = np.sort(np.random.default_rng(0).permutation(len(own.names))[:COPIED]).tolist()
    known = unit_length(own.vectors)
    found: list[tuple[str, ...]] = []
    for kind in TEXTS if own.kind == "texts" else FILES[own.kind]:
        where = folder / f"{name} {kind}"
        where.mkdir()
        made = where
        if own.kind == "texts":
            made = where / "texts.txt"
            made.write_text("\n".join(TEXTS[kind](own.previews[i]) for i in chosen), encoding="utf-8")
        else:
            for number, i in enumerate(chosen):
                FILES[own.kind][kind](own.originals[i], where / f"{number:03d}")
        seen, theirs = looked_at(task, made, folder / f"{name} {kind} seen")
        assert len(seen.names) == len(chosen)
        same = (unit_length(seen.vectors) * known[chosen]).sum(1) >= own.alike
        if small is not None and theirs is not None:
            same &= (theirs * small[chosen]).sum(1) >= oddities.SAME_PIXELS
        found.append((name, f"copies: {kind}", f"{same.mean():.2f}"))
    pairs = len(known) * (len(known) - 1) // 2
    taken = known @ known.T >= own.alike
    taken &= small @ small.T >= oddities.SAME_PIXELS if small is not None else True
    found.append((name, "pairs of its own", f"{np.triu(taken, 1).sum()} of {pairs:,}"))
    return found


def main() -> None:
    chosen = parser(__doc__).parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = [row for task, name in SETS for row in rows(task, name, Path(folder))]
    said = (
        f"Pictures: a cosine of at least 0.8, and a correlation of at least {oddities.SAME_PIXELS} of the pictures at "
        f"{oddities.SIDE} pixels in grey; texts: 0.9; voices: 0.98. {COPIED} copies of each kind."
    )
    publish(f"{said}\n\n{table(('set', 'what', 'taken for the same'), found)}", write=chosen.write, page=PAGE)


if __name__ == "__main__":
    main()
