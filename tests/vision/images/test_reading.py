"""Pictures of every kind come out upright, RGB and on white; pictures that are none say why."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engines.data.foreign import kinds
from engines.vision.images import foreign, reading
from engines.vision.images.reading import EXTENSIONS, Facts, UnreadableImage, facts, read, thumbnail, white_of

RED, WHITE = (255, 0, 0), (255, 255, 255)


def noise(width: int = 60, height: int = 40, seed: int = 0) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def saved(image: Image.Image, path: Path, **options: object) -> Path:
    image.save(path, **options)
    return path


def png(header: bytes, rows: bytes) -> bytes:
    """A PNG file with this header (IHDR) and these rows of pixels, each after its filter byte."""
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )


def reason(path: Path) -> str:
    with pytest.raises(UnreadableImage) as caught:
        read(path)
    return foreign.reason(path, caught.value)


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif", "a.ppm", "a.WEBP", "a.PNG"])
def test_lossless_formats_come_out_as_they_went_in(tmp_path: Path, name: str) -> None:
    options = {"lossless": True} if name == "a.WEBP" else {}
    image = read(saved(noise(), tmp_path / name, **options))
    assert image.mode == "RGB"
    assert np.array_equal(np.asarray(image), np.asarray(noise()))


@pytest.mark.parametrize("name", ["a.jpg", "a.JPG", "a.jpeg", "é b.jpg", "a.avif", "a.gif"])
def test_lossy_formats_come_out_much_as_they_went_in(tmp_path: Path, name: str) -> None:
    flat = Image.new("RGB", (50, 30), (200, 100, 50))
    image = read(saved(flat, tmp_path / name))
    assert (image.mode, image.size) == ("RGB", (50, 30))
    assert np.abs(np.asarray(image).astype(int) - (200, 100, 50)).max() <= 4


def test_the_content_counts_and_not_the_extension(tmp_path: Path) -> None:
    path = saved(noise(), tmp_path / "really_a_png.jpg", format="PNG")
    assert np.array_equal(np.asarray(read(path)), np.asarray(noise()))
    assert ".jpg" in EXTENSIONS


def test_transparency_lies_on_white(tmp_path: Path) -> None:
    image = Image.new("RGBA", (3, 1), (0, 0, 0, 0))
    image.putpixel((1, 0), (255, 0, 0, 255))
    image.putpixel((2, 0), (255, 0, 0, 128))
    pixels = np.asarray(read(saved(image, tmp_path / "a.png")))[0].tolist()
    assert pixels == [[255, 255, 255], [255, 0, 0], [255, 127, 127]]


def test_grey_with_transparency(tmp_path: Path) -> None:
    image = Image.new("LA", (2, 1), (10, 255))
    image.putpixel((1, 0), (10, 0))
    assert np.asarray(read(saved(image, tmp_path / "a.png")))[0].tolist() == [[10, 10, 10], [255, 255, 255]]


def test_a_palette_with_and_without_a_transparent_colour(tmp_path: Path) -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([255, 0, 0, 0, 0, 255])
    image.putpixel((1, 0), 1)
    assert np.asarray(read(saved(image, tmp_path / "a.png")))[0].tolist() == [[255, 0, 0], [0, 0, 255]]
    for name in ("b.png", "b.gif"):
        path = saved(image, tmp_path / name, transparency=1)
        assert np.asarray(read(path))[0].tolist() == [[255, 0, 0], [255, 255, 255]]


def test_one_colour_made_transparent_in_rgb_and_grey(tmp_path: Path) -> None:
    rgb = saved(Image.new("RGB", (1, 1), (1, 2, 3)), tmp_path / "a.png", transparency=(1, 2, 3))
    grey = saved(Image.new("L", (1, 1), 9), tmp_path / "b.png", transparency=9)
    assert [read(path).getpixel((0, 0)) for path in (rgb, grey)] == [WHITE, WHITE]


@pytest.mark.parametrize("name", ["a.png", "a.tif", "a.pgm"])
def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path: Path, name: str) -> None:
    grey = np.array([[0, 257, 32896, 65535]], np.uint16)
    image = read(saved(Image.fromarray(grey), tmp_path / name))
    assert np.asarray(image)[0].tolist() == [[0] * 3, [1] * 3, [128] * 3, [255] * 3]


def test_floats_are_scaled_to_the_range_they_fill(tmp_path: Path) -> None:
    for top in (1.0, 255.0, 65535.0):
        grey = np.array([[0.0, top / 2, top, np.nan]], np.float32)
        image = read(saved(Image.fromarray(grey), tmp_path / "a.tif"))
        assert np.asarray(image)[0, :, 0].tolist() == [0, 128, 255, 0]


def test_sixteen_bit_colour_is_scaled(tmp_path: Path) -> None:
    header = struct.pack(">IIBBBBB", 1, 1, 16, 2, 0, 0, 0)
    pixel = b"\0" + struct.pack(">HHH", 65535, 0x8000, 255)
    (tmp_path / "a.png").write_bytes(png(header, pixel))
    assert read(tmp_path / "a.png").getpixel((0, 0)) == (255, 128, 0)


def test_cmyk_grey_and_black_and_white(tmp_path: Path) -> None:
    cmyk = read(saved(Image.new("CMYK", (20, 20), (0, 255, 255, 0)), tmp_path / "a.jpg"))
    assert np.abs(np.asarray(cmyk).astype(int) - RED).max() <= 4
    assert read(saved(Image.new("L", (2, 2), 77), tmp_path / "b.png")).getpixel((0, 0)) == (77, 77, 77)
    assert read(saved(Image.new("1", (2, 2), 1), tmp_path / "c.png")).getpixel((0, 0)) == WHITE


@pytest.mark.parametrize("name", ["a.gif", "a.png", "a.webp"])
def test_the_first_frame_of_an_animation(tmp_path: Path, name: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "lime", "blue")]
    path = saved(frames[0], tmp_path / name, save_all=True, append_images=frames[1:], lossless=True)
    with Image.open(path) as animation:
        assert animation.n_frames == 3
    assert read(path).getpixel((4, 4)) == RED


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp", "a.tif"])
def test_orientation_is_applied_for_all_eight_ways(tmp_path: Path, name: str) -> None:
    upright = Image.new("RGB", (32, 16), "white")
    upright.paste((200, 0, 0), (0, 0, 16, 8))  # a mark at the top left
    stored = {  # orientation -> how the camera held it
        1: None,
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    for orientation, way in stored.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        image = upright.transpose(way) if way is not None else upright
        seen = read(saved(image, tmp_path / name, exif=exif))
        assert seen.size == (32, 16), orientation
        assert seen.getpixel((4, 2))[1] < 60 < 200 < seen.getpixel((28, 13))[1], orientation


@pytest.mark.filterwarnings("ignore:Corrupt EXIF data")
def test_broken_exif_leaves_a_good_picture(tmp_path: Path) -> None:
    image = read(saved(noise(), tmp_path / "a.jpg", exif=b"Exif\0\0MM\0*\xff\xff\xff\xff broken"))
    assert image.size == (60, 40)


# --- what cannot be read --------------------------------------------------------------------------


def test_an_empty_file_and_a_missing_one(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"")
    assert reason(tmp_path / "a.jpg") == "is empty"
    assert reason(tmp_path / "b.jpg") == "is not there"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"GIF", "is no image we can read: accepted are JPEG, PNG"),
        (b"hello", "is no image we can read: accepted are JPEG, PNG"),
        (b"%!PS-Adobe-3.0", "is no image we can read: accepted are JPEG, PNG"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "is an SVG drawing, which is not read here: save it as PNG"),
        (b"%PDF-1.7", "is a PDF, which is not read here"),
    ],
)
def test_what_is_no_image(tmp_path: Path, content: bytes, told: str) -> None:
    (tmp_path / "a.jpg").write_bytes(content)
    assert reason(tmp_path / "a.jpg").startswith(told)


@pytest.mark.parametrize("tags", [{50706: b"\1\4\0\0"}, {254: 1}])
def test_a_cameras_raw_file_that_looks_like_a_tiff_is_not_taken_for_its_preview(
    tmp_path: Path, tags: dict[int, object]
) -> None:
    noise(16, 12).save(tmp_path / "a.tif", tiffinfo=tags)
    assert reason(tmp_path / "a.tif") == "is a camera's raw file, which is not read here: save it as JPEG or PNG"


@pytest.mark.parametrize("format", ["ICO", "PCX", "TGA", "JPEG2000", "SGI"])
def test_formats_that_are_not_on_the_list(tmp_path: Path, format: str) -> None:
    noise(32, 32).save(tmp_path / "a.png", format=format)
    named = {
        "ICO": "is an icon (ICO), which is not read here",
        "JPEG2000": "is a JPEG 2000 picture, which is not read here",
    }
    assert reason(tmp_path / "a.png").startswith(named.get(format, "is no image we can read"))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_an_error_and_not_half_a_picture(tmp_path: Path, format: str, share: float) -> None:
    noise(120, 90).save(tmp_path / "a", format=format)
    whole = (tmp_path / "a").read_bytes()
    (tmp_path / "a").write_bytes(whole[: int(len(whole) * share)])
    assert reason(tmp_path / "a") in {"is cut short", "is damaged"}


@pytest.mark.parametrize("at_least", [None, 16])
def test_a_progressive_jpeg_cut_short(tmp_path: Path, at_least: int | None) -> None:
    noise(300, 300).save(tmp_path / "a.jpg", progressive=True)
    whole = (tmp_path / "a.jpg").read_bytes()
    (tmp_path / "a.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(UnreadableImage, match="is cut short"):
        read(tmp_path / "a.jpg", at_least)


def huge_png(width: int, height: int) -> bytes:
    """A few bytes that claim to be very many pixels."""
    return png(struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0), bytes(1000))


def test_a_huge_header_is_refused_before_anything_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(huge_png(60_000, 60_000))
    assert reason(tmp_path / "a.png") == "has 3,600 million pixels, more than the 80 million that are read"
    (tmp_path / "b.png").write_bytes(huge_png(12_000, 10_000))  # Pillow itself would only warn
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert reason(tmp_path / "b.png") == "has 120 million pixels, more than the 80 million that are read"
    (tmp_path / "c.png").write_bytes(huge_png(9_000, 9_000))
    assert reason(tmp_path / "c.png") == "has 9,000 × 9,000 pixels, more than the 80 million that are read"


def test_pillows_own_limit_is_left_alone() -> None:
    assert Image.MAX_IMAGE_PIXELS == 1024 * 1024 * 1024 // 4 // 3


@settings(max_examples=150, deadline=None)
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "PPM"]),
    st.lists(st.tuples(st.integers(0, 1000), st.integers(0, 255)), min_size=1, max_size=8),
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_whatever_is_wrong_only_one_kind_of_error_comes(
    tmp_path_factory: pytest.TempPathFactory, format: str, changes: list[tuple[int, int]]
) -> None:
    buffer = io.BytesIO()
    noise(16, 16).save(buffer, format=format)
    raw = bytearray(buffer.getvalue())
    for position, value in changes:
        raw[position % len(raw)] = value
    path = tmp_path_factory.getbasetemp() / "mutated"
    path.write_bytes(raw)
    try:
        outcome = read(path).mode
    except UnreadableImage as error:
        outcome = str(error)
    assert outcome == "RGB" or outcome.startswith(("is ", "has "))


# --- smaller and faster ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at_least", "size"), [(None, (800, 600)), (300, (400, 300)), (301, (800, 600)), (70, (100, 75))]
)
def test_a_large_jpeg_may_come_out_smaller(tmp_path: Path, at_least: int | None, size: tuple[int, int]) -> None:
    assert read(saved(noise(800, 600), tmp_path / "a.jpg"), at_least).size == size


def test_at_least_more_than_there_is_changes_nothing(tmp_path: Path) -> None:
    assert read(saved(noise(30, 20), tmp_path / "a.jpg"), at_least=500).size == (30, 20)
    assert read(saved(noise(800, 600), tmp_path / "a.png"), at_least=50).size == (800, 600)


def test_thumbnails_are_small_jpegs_and_leave_the_picture_alone(tmp_path: Path) -> None:
    image = noise(800, 400)
    for source in (image, saved(image, tmp_path / "a.png")):
        out = thumbnail(source, tmp_path / "new/folder/a.jpg", side=100)
        with Image.open(out) as small:
            assert (small.format, small.size) == ("JPEG", (100, 50))
    assert image.size == (800, 400)
    with pytest.raises(UnreadableImage, match="is not there"):
        thumbnail(tmp_path / "none.png", tmp_path / "b.jpg")


# --- what is known before it is decided how a set is read -----------------------------------------


@pytest.mark.parametrize(("brightest", "white"), [(1, 1), (245, 255), (256, 1023), (4095, 4095), (40_000, 65535)])
def test_white_is_the_end_of_the_bits_that_are_used(brightest: float, white: float) -> None:
    assert white_of(brightest) == white


def test_grey_is_scaled_to_the_white_that_is_given(tmp_path: Path) -> None:
    path = saved(Image.fromarray(np.array([[0, 1023, 2046, 4095]], np.uint16)), tmp_path / "a.png")
    assert facts(path).brightest == 4095
    assert np.asarray(read(path, white=4095))[0, :, 0].tolist() == [0, 64, 127, 255]
    assert np.asarray(read(path))[0, :, 0].tolist() == [0, 4, 8, 16]


def test_pages_are_counted_but_not_a_cameras_second_view(tmp_path: Path) -> None:
    first, second = noise(), noise(seed=1)
    for name, pages in (("a.tif", 2), ("a.gif", 2), ("a.mpo", 1)):
        path = saved(first, tmp_path / name, save_all=True, append_images=[second])
        assert facts(path).pages == pages, name
    assert facts(saved(first, tmp_path / "a.png")) == Facts(1, None)


def test_a_cameras_raw_file_is_called_alike_by_what_exports_carry_off_and_by_the_house() -> None:
    assert kinds.RAW.phrase == reading.RAW
