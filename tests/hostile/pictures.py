"""Pictures that promise more than they hold, or hold more than they promise."""

from __future__ import annotations

import io
import struct
import zlib
from random import Random

import numpy as np
from PIL import Image

from tests.hostile.kinds import cut, damaged, kind

VISION = "vision.classification"


def drawn(rng: Random, form: str = "PNG", side: int = 48, **options: object) -> bytes:
    pixels = np.random.default_rng(rng.randrange(1 << 30)).integers(0, 256, (side, side, 3), np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **options)
    return out.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, body: bytes, *more: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(more) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


@kind(".png", VISION)
def png_of_a_billion_pixels(rng: Random) -> bytes:
    side = rng.randrange(30_000, 60_000)
    return png(side, side, zlib.compress(bytes(1 << 20)))


@kind(".png", VISION, slow=True, plain="reads")
def png_within_bounds_that_is_all_zeros_packed(rng: Random) -> bytes:
    width = rng.randrange(7_000, 8_900)
    return png(width, 8_900, zlib.compress(bytes((3 * width + 1) * 8_900), 9))


@kind(".png", VISION)
def png_with_a_text_bomb(rng: Random) -> bytes:
    text = chunk(b"zTXt", b"comment\0\0" + zlib.compress(bytes(rng.randrange(50, 90) << 20), 9))
    return png(8, 8, zlib.compress(bytes(25 * 8)), text)


@kind(".png", VISION)
def png_with_a_colour_profile_bomb(rng: Random) -> bytes:
    profile = chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(rng.randrange(50, 90) << 20), 9))
    return png(8, 8, zlib.compress(bytes(25 * 8)), profile)


@kind(".png", VISION, plain="reads")
def png_with_ten_thousand_chunks(rng: Random) -> bytes:
    return png(
        8, 8, zlib.compress(bytes(25 * 8)), *(chunk(b"tEXt", b"a\0b") for _ in range(rng.randrange(5_000, 10_000)))
    )


@kind(".jpg", VISION, plain="time")
def jpeg_of_two_thousand_scans(rng: Random) -> bytes:
    whole = drawn(rng, "JPEG", 2048, progressive=True)
    first = whole.index(b"\xff\xda")
    second = whole.index(b"\xff\xda", first + 2)
    scan = whole[first:second]
    return whole[:second] + scan * rng.randrange(1_500, 2_500) + whole[second:]


@kind(".jpg", VISION)
def jpeg_cut_short(rng: Random) -> bytes:
    return cut(drawn(rng, "JPEG"), rng)


@kind(".jpg", VISION)
def jpeg_damaged(rng: Random) -> bytes:
    return damaged(drawn(rng, "JPEG"), rng)


@kind(".jpg", VISION)
def jpeg_that_says_it_is_65535_wide(rng: Random) -> bytes:
    whole = bytearray(drawn(rng, "JPEG"))
    at = whole.index(b"\xff\xc0") + 5
    whole[at : at + 4] = struct.pack(">HH", 65535, 65535 - rng.randrange(9))
    return bytes(whole)


@kind(".jpg", VISION, plain="reads")
def exif_that_points_at_itself(rng: Random) -> bytes:
    entry = struct.pack("<HHII", 0x8769, 4, 1, 8)
    tiff = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + struct.pack("<I", 8)
    exif = b"Exif\0\0" + tiff + rng.randbytes(16)
    whole = drawn(rng, "JPEG")
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + whole[2:]


@kind(".gif", VISION, plain="reads")
def gif_of_many_frames(rng: Random) -> bytes:
    frames = [Image.new("P", (64, 64), n % 255) for n in range(rng.randrange(300, 600))]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    return out.getvalue()


@kind(".gif", VISION)
def gif_that_says_it_is_65535_wide(rng: Random) -> bytes:
    whole = bytearray(drawn(rng, "GIF"))
    whole[6:10] = struct.pack("<HH", 65535, 65535 - rng.randrange(9))
    return bytes(whole)


@kind(".tif", VISION, plain="reads")
def tiff_whose_pages_go_in_a_circle(rng: Random) -> bytes:
    out = io.BytesIO()
    pages = [Image.new("L", (8, 8), n) for n in range(3)]
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    whole = bytearray(out.getvalue())
    first = struct.unpack("<I", whole[4:8])[0]
    entries = struct.unpack("<H", whole[first : first + 2])[0]
    whole[first + 2 + 12 * entries : first + 6 + 12 * entries] = struct.pack("<I", first)
    return bytes(whole) + rng.randbytes(4)


@kind(".tif", VISION)
def tiff_damaged(rng: Random) -> bytes:
    return damaged(drawn(rng, "TIFF"), rng, 8)


@kind(".bmp", VISION)
def bmp_of_negative_size(rng: Random) -> bytes:
    whole = bytearray(drawn(rng, "BMP"))
    whole[18:26] = struct.pack("<ii", -rng.randrange(1, 1 << 30), -rng.randrange(1, 1 << 30))
    return bytes(whole)


@kind(".webp", VISION)
def webp_cut_short(rng: Random) -> bytes:
    return cut(drawn(rng, "WEBP"), rng)


@kind(".avif", VISION)
def avif_damaged(rng: Random) -> bytes:
    return damaged(drawn(rng, "AVIF"), rng, 40)


@kind(".ppm", VISION)
def ppm_of_a_billion_pixels(rng: Random) -> bytes:
    return b"P6 %d 40000 255\n" % rng.randrange(30_000, 60_000) + rng.randbytes(100)


@kind(".png", VISION)
def drawing_with_a_script(rng: Random) -> bytes:
    return b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"><text>%d</text></svg>' % rng.randrange(99)


@kind(".jpg", VISION)
def page_that_calls_itself_a_picture(rng: Random) -> bytes:
    return b"<html><script>alert(%d)</script></html>" % rng.randrange(99)


@kind(".npz", VISION, whole=True, slow=True, plain="reads")
def medmnist_of_a_hundred_thousand_pictures(rng: Random) -> bytes:
    out = io.BytesIO()
    n = rng.randrange(300_000, 400_000)
    arrays = {
        f"{part}_{what}": np.zeros(shape, np.uint8)
        for part in ("train", "test")
        for what, shape in (("images", (n, 28, 28)), ("labels", (n, 1)))
    }
    np.savez_compressed(out, **arrays)
    return out.getvalue()


@kind(".npz", VISION, "control.policy", whole=True)
def arrays_that_are_a_pickle(rng: Random) -> bytes:
    out = io.BytesIO()
    names = ("train_images", "train_labels", "observations", "actions")
    np.savez(out, **{name: np.array([{"a": rng.random()}, print], dtype=object) for name in names})
    return out.getvalue()


@kind(".npz", VISION, "control.policy", whole=True, plain="memory")
def arrays_that_say_they_are_huge(rng: Random) -> bytes:
    import zipfile

    head = b"{'descr': '|u1', 'fortran_order': False, 'shape': (%d, 100000, 3), }" % rng.randrange(1 << 30, 1 << 40)
    body = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(head)) + head + bytes(64)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in ("train_images", "train_labels", "observations", "actions", "rewards"):
            archive.writestr(f"{name}.npy", body)
    return out.getvalue()
