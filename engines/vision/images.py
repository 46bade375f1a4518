"""Open a picture that a stranger made: any usual format in, upright RGB out, or one phrase that says why not."""

from __future__ import annotations

import re
import warnings
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF")
"""What Pillow may try: the formats photographs come in, and no other decoder, for each one is a way in.
What some cameras write as MPO comes through JPEG."""
ACCEPTED = "JPEG, PNG, WebP, GIF, BMP, TIFF, PPM or AVIF"
SIGNATURES = re.compile(rb"\xff\xd8\xff|\x89PNG|RIFF....WEBP|GIF8|II\*\0|MM\0\*|....ftypavif", re.DOTALL)
"""How files of these formats begin, to tell a broken one from something else."""
EXTENSIONS = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".png", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".avif"}
    | {".ppm", ".pgm", ".pbm"}
)
MAX_PIXELS = 80_000_000
"""Below Pillow's own limit, so that what Pillow would only warn of is refused here."""
TOO_MANY = f"more than the {MAX_PIXELS // 1_000_000} million that are read"

warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


class UnreadableImage(Exception):
    """The message is one phrase that continues 'cat.jpg …'."""


def read(path: Path, at_least: int | None = None) -> Image.Image:
    """The picture in `path`: RGB, uint8, upright, first frame; transparency lies on white.

    With `at_least`, a JPEG may come out smaller, by a half, a quarter or an eighth, as long as its shorter side keeps
    `at_least` pixels: reading a large photograph is then several times faster.

    Raises UnreadableImage: an empty, damaged or cut short file, more than MAX_PIXELS, or a format that is not accepted.
    """
    try:
        if path.stat().st_size == 0:
            raise UnreadableImage("is empty")
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS:
                raise UnreadableImage(f"has {image.width:,} × {image.height:,} pixels, {TOO_MANY}")
            if at_least:
                image.draft(None, (at_least, at_least))
            image.load()
            try:
                ImageOps.exif_transpose(image, in_place=True)
            except Exception:  # a broken EXIF block leaves a good picture; it only cannot say which way is up
                pass
            return _rgb(image)
    except UnreadableImage:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        pixels = int(re.search(r"\d+", str(error))[0])  # type: ignore[index]
        raise UnreadableImage(f"has {pixels / 1e6:,.0f} million pixels, {TOO_MANY}") from None
    except UnidentifiedImageError:
        broken = SIGNATURES.match(_start(path))
        raise UnreadableImage("is damaged" if broken else f"is no image we can read: accepted are {ACCEPTED}") from None
    except FileNotFoundError:
        raise UnreadableImage("is not there") from None
    except MemoryError:
        raise UnreadableImage("is too large for this computer's memory") from None
    except Exception as error:  # decoders raise whatever the bytes provoke: OSError, SyntaxError, struct.error, …
        cut = isinstance(error, EOFError) or "truncated" in str(error) or "premature" in str(error).lower()
        raise UnreadableImage("is cut short" if cut else "is damaged") from None


def thumbnail(image: Image.Image | Path, out: Path, side: int = 256) -> Path:
    """Writes a JPEG at most `side` pixels wide and high to `out`. Raises UnreadableImage when `image` is a path."""
    small = read(image, at_least=side) if isinstance(image, Path) else image.convert("RGB")
    small.thumbnail((side, side))
    out.parent.mkdir(parents=True, exist_ok=True)
    small.save(out, "JPEG", quality=85)
    return out


def _start(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(16)


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode == "I" or image.mode == "F" or image.mode.startswith("I;16"):
        return _from_wide_grey(image)
    if image.has_transparency_data:
        seen = image.convert("RGBA")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(seen, mask=seen.getchannel("A"))
        return paper
    return image.convert("RGB") if image.mode != "RGB" else image.copy()


def _from_wide_grey(image: Image.Image) -> Image.Image:
    """Grey of 16 or more bits, scaled rather than clipped. Floats are taken to reach 1, 255 or 65535."""
    grey = np.nan_to_num(np.asarray(image, dtype=np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    top = 65535.0
    if image.mode == "F":
        top = next((top for top in (1.0, 255.0, 65535.0) if grey.max() <= top), float(grey.max()))
    return Image.fromarray((grey / top * 255).round().clip(0, 255).astype(np.uint8)).convert("RGB")
