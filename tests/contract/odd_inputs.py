"""New data that are hard to read: pictures, sounds and tables as cameras, recorders and spreadsheets leave them."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
from PIL import Image

from tests import tiny_control, tiny_series, tiny_speech, tiny_text


def pictures(folder: Path) -> Path:
    """Turned by EXIF, transparent, of 16 bits, large, long, tiny, with a palette; and one that is none."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(3)

    def noise(height: int, width: int, channels: int) -> np.ndarray:
        slope = np.linspace(0, 200, width)[None, :, None] * np.linspace(0.2, 1, channels)
        return (slope + rng.integers(0, 55, (height, width, channels))).astype(np.uint8)

    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(noise(60, 90, 3)).save(folder / "turned.jpg", exif=exif)
    Image.fromarray(noise(900, 700, 3)).save(folder / "large.jpg", quality=92)
    Image.fromarray(noise(48, 48, 4)).save(folder / "alpha.png")
    Image.fromarray(noise(50, 70, 1)[:, :, 0].astype(np.uint16) * 199).save(folder / "deep.png")
    Image.fromarray(noise(12, 200, 3)).save(folder / "long.png")
    Image.fromarray(noise(5, 4, 3)).save(folder / "tiny.bmp")
    Image.fromarray(noise(40, 40, 3)).quantize(16).save(folder / "palette.gif", transparency=3)
    (folder / "words.png").write_text("this is no picture")
    return folder


def sounds(folder: Path) -> Path:
    """In stereo, slow and fast, of 24 bits, beyond full scale, silent at both ends, longer than a model hears at once;
    and one that is silent."""
    import soundfile

    folder.mkdir(parents=True)
    left = tiny_speech.tone(1.5, 44_100)
    soundfile.write(folder / "stereo.wav", np.hstack([left, 0.2 * left[::-1]]), 44_100)
    soundfile.write(folder / "telephone.wav", tiny_speech.tone(1.2, 8_000), 8_000)
    soundfile.write(folder / "studio.flac", tiny_speech.tone(0.8, 48_000), 48_000, subtype="PCM_24")
    soundfile.write(folder / "loud.wav", 7 * tiny_speech.tone(1.0), 16_000, subtype="FLOAT")
    ends = np.zeros((12_000, 1), np.float32)
    soundfile.write(folder / "silence-around.wav", np.vstack([ends, tiny_speech.tone(1.0), ends]), 16_000)
    soundfile.write(folder / "lecture.ogg", np.vstack([tiny_speech.tone(17.0), ends, tiny_speech.tone(17.0)]), 16_000)
    soundfile.write(folder / "silent.wav", ends, 16_000)
    return folder


def texts(folder: Path) -> Path:
    """Long, in quotes, over two lines, with letters that no vocabulary knows; and an empty one."""
    known = [text for text, _ in tiny_text.reviews(2, seed=9)][:3]
    strange = "\u2603 caf\u00e9 na\u00efve"
    return _table(
        folder, "text", [known[0], f'"{known[1]}", they said', "", strange, " ".join(known * 40), f"{known[2]}\nand so"]
    )


def questions(folder: Path) -> Path:
    return _table(folder, "prompt", ["What is 4 and 9?", "", "Why? " * 80, '"Say it", please'])


def sentences(folder: Path) -> Path:
    return _table(folder, "source", ["the green fox sees a car", "", "the red cat sees a house, a tree", "a dog"])


def _table(folder: Path, column: str, cells: list[str]) -> Path:
    folder.mkdir(parents=True)
    with (folder / "odd.csv").open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file).writerows([["number", column], *([number, cell] for number, cell in enumerate(cells))])
    return folder / "odd.csv"


def series(folder: Path) -> Path:
    """With values missing, with rows missing, in any order, one that is new and one that is too short."""
    folder.mkdir(parents=True)
    rows: list[list[object]] = []
    for name in (*tiny_series.NAMES, "elsewhere"):
        values = tiny_series.series(name, tiny_series.MONTHS + 7).tolist()
        kept = [number for number in range(len(values)) if number not in {20, 21, 40}]
        rows += [[name, tiny_series.month(n), "" if n in {5, 30, 31} else values[n]] for n in kept]
    rows = [rows[int(i)] for i in np.random.default_rng(0).permutation(len(rows))]
    rows += [["short", tiny_series.month(n), n] for n in range(4)]
    with (folder / "odd.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([["unique_id", "ds", "y"], *rows])
    return folder / "odd.csv"


def observations(folder: Path) -> Path:
    """With the columns in another order, a row without a number and one with a cell missing."""
    folder.mkdir(parents=True)
    lines = ["observation_2,observation_0,observation_1"]
    lines += [f"{c},{a},{b}" for a, b, c in tiny_control.OBSERVATIONS]
    (folder / "odd.csv").write_text("\n".join([*lines, "0.5,nan,0", "1,0.5,"]) + "\n", encoding="utf-8")
    return folder / "odd.csv"
