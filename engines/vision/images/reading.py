"""Open a picture that a stranger made: any usual format in, upright RGB out, or one phrase that says why not."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
"""What Pillow may try: the formats photographs come in, and no other decoder, for each one is a way in.
What some cameras write as MPO comes through JPEG."""
ACCEPTED = "JPEG, PNG, WebP, GIF, BMP, TIFF, PPM or AVIF"
NO_IMAGE = f"is no image we can read: accepted are {ACCEPTED}"
RAW = "is a camera's raw file, which is not read here: save it as JPEG or PNG"
SIGNATURES = re.compile(rb"\xff\xd8\xff|\x89PNG|RIFF....WEBP|GIF8|II\*\0|MM\0\*|....ftypavif", re.DOTALL)
"""How files of these formats begin, to tell a broken one from something else."""
EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".avif"}
    | {".ppm", ".pgm", ".pbm"}
)
ORIENTATION = 0x0112
"""Tag of EXIF: how to turn a picture before it is shown."""
NEW_SUBFILE_TYPE, PHOTOMETRIC, DNG_VERSION = 254, 262, 50706
OF_A_SENSOR = {32803, 34892}
"""Tags of TIFF: what the first picture is of the file, what its numbers mean, and the two meanings of raw files."""
MAX_PIXELS = 80_000_000
"""Below Pillow's own limit, so that what Pillow would only warn of is refused here."""
BITS = (1, 255, 1023, 4095, 16383, 65535)
"""The largest value of 1, 8, 10, 12, 14 and 16 bits, which cameras and scanners store in 16."""
START_OF_SCAN = b"\xff\xda"
MAX_SCANS = 100
"""A progressive JPEG has about ten, at most one for each bit of 64 coefficients of three colours in theory. Each costs
a pass over all pixels: a small file of thousands occupies a core for minutes."""
TOO_MANY = f"more than the {MAX_PIXELS // 1_000_000} million that are read"

warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class UnreadableImage(ValueError):
    """The message is one phrase that continues 'cat.jpg …'."""


T = TypeVar("T")


@dataclass(frozen=True)
class Facts:
    """What there is to know of a picture before it is decided how it is read."""

    pages: int
    """Pictures in the file: pages of a TIFF, frames of an animation."""
    brightest: float | None
    """The largest value of grey in whole numbers of more than 8 bits; None for anything else."""


@dataclass(frozen=True)
class Size:
    """How large a picture is, in pixels, without decoding it."""

    width: int
    """as it is shown: upright"""
    height: int
    stored_width: int
    stored_height: int
    orientation: int
    """EXIF's number of how it is turned before it is shown, 1 to 8; 1 where it is not."""

    @property
    def turns_sides(self) -> bool:
        """Whether it is shown as wide as it is stored high."""
        return self.orientation >= 5


def size(path: Path) -> Size:
    """Of the picture in `path`, by its header. Raises UnreadableImage where there is none of a format that is read."""
    try:
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            width, height = image.size
            try:
                turned = image.getexif().get(ORIENTATION, 1)
            except Exception:  # a broken EXIF block leaves a good picture
                turned = 1
    except Exception as error:  # decoders raise whatever the bytes provoke; `read` says what is wrong
        raise UnreadableImage("is damaged") from error
    orientation = turned if isinstance(turned, int) and 1 <= turned <= 8 else 1
    shown = (height, width) if orientation >= 5 else (width, height)
    return Size(*shown, width, height, orientation)


def read(path: Path | bytes, at_least: int | None = None, white: float | None = None) -> Image.Image:
    """The picture in `path`, or in the bytes of a file: RGB, uint8, upright, first page; transparency lies on white.

    With `at_least`, a JPEG may come out smaller, by a half, a quarter or an eighth, as long as its shorter side keeps
    `at_least` pixels: reading a large photograph is then several times faster. `white` is the value that is white in
    grey of more than 8 bits: 65535 where it is None.

    Raises UnreadableImage: an empty, damaged or cut short file, more than MAX_PIXELS, or a format that is not accepted.
    """
    return _decoded(path, at_least, lambda image: _upright(image, white))


def facts(path: Path, at_least: int | None = None) -> Facts:
    """Of the picture in `path`, which is decoded as by `read`. Raises UnreadableImage."""

    def seen(image: Image.Image) -> Facts:
        brightest = float(np.asarray(image).max()) if _is_wide(image) else None
        _upright(image, None)  # what cannot be turned to RGB is found out now
        return Facts(_pages(image), brightest)

    return _decoded(path, at_least, seen)


def pages(path: Path) -> int:
    """How many pictures are in a file that can be read; 1 for any other."""
    try:
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            return _pages(image)
    except Exception:  # `read` says what is wrong with it
        return 1


def white_of(brightest: float) -> float:
    """What is white in a set whose largest value this is: the end of the bits that it needs."""
    return next((float(top) for top in BITS if brightest <= top), brightest)


def _decoded(path: Path | bytes, at_least: int | None, use: Callable[[Image.Image], T]) -> T:
    """What `use` makes of the decoded picture. Raises UnreadableImage, as `read` says."""
    try:
        if (len(path) if isinstance(path, bytes) else path.stat().st_size) == 0:
            raise UnreadableImage("is empty")
        opened = io.BytesIO(path) if isinstance(path, bytes) else path.open("rb")
        with opened as file, Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UnreadableImage(f"has {image.width:,} × {image.height:,} pixels, {TOO_MANY}")
            if image.format in {"JPEG", "MPO"} and _scans(path) > MAX_SCANS:
                raise UnreadableImage(f"is a JPEG of more than {MAX_SCANS} scans")
            if image.format == "TIFF" and _is_raw(image):
                raise UnreadableImage(RAW)
            if at_least:
                image.draft(None, (at_least, at_least))
            image.load()
            return use(image)
    except UnreadableImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        pixels = int(re.findall(r"\d+", str(error))[0])
        raise UnreadableImage(f"has {pixels / 1e6:,.0f} million pixels, {TOO_MANY}") from None
    except UnidentifiedImageError:
        raise UnreadableImage("is damaged" if SIGNATURES.match(_start(path)) else NO_IMAGE) from None
    except FileNotFoundError:
        raise UnreadableImage("is not there") from None
    except MemoryError:
        raise UnreadableImage("is too large for this computer's memory") from None
    except Exception as error:  # decoders raise whatever the bytes provoke: OSError, SyntaxError, struct.error, …
        cut = isinstance(error, EOFError) or "truncated" in str(error) or "premature" in str(error).lower()
        raise UnreadableImage("is cut short" if cut else "is damaged") from None


def thumbnail(image: Image.Image | Path, out: Path, side: int = 256, white: float | None = None) -> Path:
    """Writes a JPEG at most `side` pixels wide and high to `out`. Raises UnreadableImage when `image` is a path."""
    small = read(image, side, white) if isinstance(image, Path) else image.convert("RGB")
    small.thumbnail((side, side))
    out.parent.mkdir(parents=True, exist_ok=True)
    small.save(out, "JPEG", quality=85)
    return out


def _scans(path: Path | bytes) -> int:
    """How often a JPEG goes over its picture anew; in its coded parts a marker's first byte is never followed by it."""
    return (path if isinstance(path, bytes) else path.read_bytes()).count(START_OF_SCAN)


def _start(path: Path | bytes) -> bytes:
    if isinstance(path, bytes):
        return path[:16]
    with path.open("rb") as file:
        return file.read(16)


def _is_raw(image: Image.Image) -> bool:
    """Whether a TIFF is a camera's raw file: a DNG, or one whose first picture is a preview of a larger one."""
    tags = getattr(image, "tag_v2", {})
    return DNG_VERSION in tags or tags.get(PHOTOMETRIC) in OF_A_SENSOR or bool(tags.get(NEW_SUBFILE_TYPE, 0) & 1)


def _is_wide(image: Image.Image) -> bool:
    """Whether it is grey in whole numbers of more than 8 bits."""
    return image.mode == "I" or image.mode.startswith("I;16")


def _pages(image: Image.Image) -> int:
    """A second view that some cameras keep in a JPEG (MPO) is no second picture."""
    if image.format in {"JPEG", "MPO"}:
        return 1
    try:
        return int(getattr(image, "n_frames", 1))
    except Exception:  # the first page is good; a broken one behind it cannot be counted
        return 1


def _upright(image: Image.Image, white: float | None) -> Image.Image:
    try:
        ImageOps.exif_transpose(image, in_place=True)
    except Exception:  # a broken EXIF block leaves a good picture; it only cannot say which way is up
        pass
    return _rgb(image, white)


def _rgb(image: Image.Image, white: float | None) -> Image.Image:
    if image.mode == "F" or _is_wide(image):
        return _from_wide_grey(image, white)
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(seen, mask=seen.getchannel("A"))
        return paper
    return image.convert("RGB") if image.mode != "RGB" else image.copy()


def _from_wide_grey(image: Image.Image, white: float | None) -> Image.Image:
    """Grey of 16 or more bits, scaled rather than clipped. Floats are taken to reach 1, 255 or 65535."""
    grey = np.nan_to_num(np.asarray(image, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    top = white or 65535.0
    if image.mode == "F":
        top = next((top for top in (1.0, 255.0, 65535.0) if grey.max() <= top), float(grey.max()))
    return Image.fromarray((grey / top * 255).round().clip(0, 255).astype(np.uint8)).convert("RGB")
