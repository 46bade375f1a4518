"""How files of other formats begin, what people call them, and what to do with them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from engines.contract import Skipped
from engines.messages import _, _n, told

LOOKED_AT = 512
"""Bytes from the start of a file."""


@dataclass(frozen=True)
class Kind:
    """Files of a format that is not read here."""

    begins: re.Pattern[bytes]
    one: str
    """'an M4A or MP4 file'"""
    many: str
    """'M4A or MP4 files'"""
    do: str
    """What makes it readable, to go on with after a colon."""

    @property
    def phrase(self) -> str:
        """Goes on after a file's name."""
        return _("is {one}, which is not read here: {do}", one=self.one, do=self.do)


def _kind(begins: bytes, one: str, many: str, do: str) -> Kind:
    return Kind(re.compile(begins, re.DOTALL | re.IGNORECASE), one, many, do)


TO_WAV = _("convert it to WAV, such as with ffmpeg -i {} sound.wav")
TO_JPEG = _("save it as JPEG or PNG")
PHONE = _("save it as JPEG (on an iPhone: Settings, Camera, Formats, Most Compatible)")

ANY = (
    _kind(
        rb"version https://git-lfs",
        _("a Git LFS pointer, which only says where the file is"),
        _("Git LFS pointers"),
        _("fetch the files themselves with git lfs pull"),
    ),
    _kind(
        rb"\s*(<!doctype html|<html)",
        _("a web page, perhaps of a download that failed"),
        _("web pages"),
        _("download what was meant"),
    ),
    _kind(rb"%PDF", _("a PDF"), "PDFs", _("take out what it shows")),
    _kind(rb"Rar!\x1a\x07", _("a RAR archive"), _("RAR archives"), _("unpack it first")),
    _kind(rb"7z\xbc\xaf\x27\x1c", _("a 7z archive"), "7z archives", _("unpack it first")),
    _kind(rb"\x1f\x8b", _("packed with gzip"), _("packed with gzip"), _("unpack it first")),
    _kind(rb"PK\x03\x04", _("a zip archive"), _("zip archives"), _("unpack it first")),
)
"""What any download may turn out to be."""

PICTURES = (
    _kind(rb"....ftyp(heic|heix|hevc|hevx|heim|heis|mif1|msf1)", _("a HEIC photo"), _("HEIC photos"), PHONE),
    _kind(rb"....ftypcrx |II\*\0....CR", _("a camera's raw file (Canon)"), _("raw files of a camera (Canon)"), TO_JPEG),
    _kind(rb"FUJIFILMCCD-RAW", _("a camera's raw file (Fujifilm)"), _("raw files of a camera (Fujifilm)"), TO_JPEG),
    _kind(rb"IIU\0", _("a camera's raw file (Panasonic)"), _("raw files of a camera (Panasonic)"), TO_JPEG),
    _kind(rb"IIR[OS]|MMOR", _("a camera's raw file (Olympus)"), _("raw files of a camera (Olympus)"), TO_JPEG),
    _kind(rb"\0\0\0\x0cJXL |\xff\x0a", _("a JPEG XL picture"), _("JPEG XL pictures"), TO_JPEG),
    _kind(rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51", _("a JPEG 2000 picture"), _("JPEG 2000 pictures"), TO_JPEG),
    _kind(rb"8BPS", _("a Photoshop file"), _("Photoshop files"), TO_JPEG),
    _kind(rb"\0\0\x01\0", _("an icon (ICO)"), _("icons (ICO)"), TO_JPEG),
    _kind(rb"\s*(<\?xml.{0,400})?<svg", _("an SVG drawing"), _("SVG drawings"), _("save it as PNG")),
    _kind(rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI ", _("a film"), "films", _("take pictures out of it")),
    _kind(rb".{128}DICM", _("a DICOM file"), _("DICOM files"), _("save its picture as PNG")),
)

RAW = _kind(rb"(?!)", _("a camera's raw file"), _("raw files of a camera"), TO_JPEG)
"""Such as begin like a TIFF: only their tags tell, or their endings."""
RAW_ENDINGS = {".nef", ".dng", ".arw", ".cr2", ".cr3", ".crw", ".orf", ".rw2", ".raf", ".pef", ".srw"}

SOUNDS = (
    _kind(rb"....ftyp", _("an M4A or MP4 file"), _("M4A or MP4 files"), TO_WAV.format("sound.m4a")),
    _kind(rb"\x1aE\xdf\xa3", _("a WebM or Matroska file"), _("WebM or Matroska files"), TO_WAV.format("sound.webm")),
    _kind(rb"#!AMR", _("an AMR file"), _("AMR files"), TO_WAV.format("sound.amr")),
    _kind(rb"0&\xb2u\x8ef\xcf\x11", _("a Windows Media file"), _("Windows Media files"), TO_WAV.format("sound.wma")),
    _kind(rb"\xff[\xf1\xf9]|ADIF", _("an AAC file"), _("AAC files"), TO_WAV.format("sound.aac")),
    _kind(
        rb"caff",
        _("a CAF file with compressed sound"),
        _("CAF files with compressed sound"),
        TO_WAV.format("sound.caf"),
    ),
    _kind(
        rb"FORM....AIF[FC]",
        _("an AIFF file with compressed sound"),
        _("AIFF files with compressed sound"),
        TO_WAV.format("sound.aiff"),
    ),
    _kind(rb"\.RMF|\.ra\xfd", _("a RealAudio file"), _("RealAudio files"), TO_WAV.format("sound.ra")),
    _kind(
        rb"MAC |wvpk|TTA1",
        _("a lossless file of another kind"),
        _("lossless files of another kind"),
        TO_WAV.format("sound"),
    ),
    _kind(rb"MThd", _("a MIDI file, which holds notes and no sound"), _("MIDI files"), _("record what it plays")),
)


def start_of(file: Path | bytes) -> bytes:
    """The first LOOKED_AT bytes of a file, or of what was in it; nothing of one that cannot be opened."""
    if isinstance(file, bytes):
        return file[:LOOKED_AT]
    try:
        with file.open("rb") as opened:
            return opened.read(LOOKED_AT)
    except OSError:
        return b""


def named(file: Path | bytes, kinds: Iterable[Kind]) -> Kind | None:
    """Of which of these kinds, or of ANY, a file is; None for what is none, and for what cannot be opened."""
    start = start_of(file)
    return next((kind for kind in (*kinds, *told(ANY)) if kind.begins.match(start)), None)


def notes(skipped: Iterable[Skipped]) -> list[str]:
    """A sentence a format among what was left out: how many files are of it, and what to do."""
    by_phrase = {kind.phrase: kind for kind in (*told(PICTURES), *told(SOUNDS), *told(ANY), RAW)}
    counts = Counter(entry.reason for entry in skipped if entry.reason in by_phrase)
    found = []
    for phrase, n in counts.most_common():
        kind = by_phrase[phrase]
        said = _n("One file is {one}", "{n:,} files are {many}", n, one=kind.one, many=kind.many)
        do = kind.do.replace(" it ", " them ") if n > 1 else kind.do
        found.append(
            _n("{said}, which is not read here: {do}.", "{said}, which are not read here: {do}.", n, said=said, do=do)
        )
    return found
