"""Which letters the bytes of a text file stand for."""

from __future__ import annotations

import codecs
import io
from pathlib import Path

CHUNK = 1 << 20  # bytes
SAMPLE = 1 << 16  # bytes: enough to tell one language's letters from another's
MARKS = (  # UTF-32 first: its mark begins like UTF-16's
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
LEGACY = [
    "cp1252",
    "cp1250",
    "cp1251",
    "cp1253",
    "cp1254",
    "cp1255",
    "cp1256",
    "cp1257",
    "shift_jis",
    "euc_jp",
    "euc_kr",
    "gb18030",
    "big5",
]
WESTERN = set("äöüÄÖÜßéèêëÉÈÊàâÀÂáÁîïíÍìôóÓòùûúÚçÇñÑåÅæÆøØœŒãÃõÕ¡¿«»‘’‚“”„–—…€£§°·½\xa0")
"""What western European texts hold beyond ASCII: where there is nothing else, no guess is needed."""
TITLES = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with a byte order mark",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16",
    "utf-16-be": "UTF-16",
    "utf-32": "UTF-32",
    "cp1252": "Windows-1252 (western European)",
    "cp1250": "Windows-1250 (central European)",
    "cp1251": "Windows-1251 (Cyrillic)",
    "cp1253": "Windows-1253 (Greek)",
    "cp1254": "Windows-1254 (Turkish)",
    "cp1255": "Windows-1255 (Hebrew)",
    "cp1256": "Windows-1256 (Arabic)",
    "cp1257": "Windows-1257 (Baltic)",
    "shift_jis": "Shift JIS (Japanese)",
    "euc_jp": "EUC-JP (Japanese)",
    "euc_kr": "EUC-KR (Korean)",
    "gb18030": "GB 18030 (Chinese)",
    "big5": "Big5 (Chinese)",
}


def encoding_of(path: Path) -> tuple[str, str | None]:
    """Python's name of the encoding, and a sentence where it is not plain UTF-8.

    A byte order mark decides; else NULs on every other byte mean UTF-16; else what is valid UTF-8 from end to end is
    UTF-8, also with one wrong byte among many right ones; else the likeliest of LEGACY. The whole file is read, in
    chunks. Raises OSError.
    """
    with path.open("rb") as file:
        start = file.read(SAMPLE)
        for mark, encoding in MARKS:
            if start.startswith(mark):
                return encoding, f"Read as {TITLES[encoding]}." if encoding != "utf-8-sig" else None
        if (unmarked := _without_mark(start)) is not None:
            return unmarked, f"Read as {TITLES[unmarked]}."
        file.seek(0)
        right, wrong, sample = _letters(file)
    if not wrong:
        return "utf-8", None
    if right > 10 * wrong:
        return (
            "utf-8",
            f"{wrong:,} character{'s' * (wrong > 1)} that UTF-8 does not know became '\N{REPLACEMENT CHARACTER}'.",
        )
    encoding = _likeliest(sample)
    return encoding, f"This is no UTF-8: read as {TITLES[encoding]}. Look whether the letters are right."


def beginning(path: Path, encoding: str, characters: int) -> str:
    """The first characters of a text file, its line ends as they are. Raises OSError."""
    with path.open(encoding=encoding, errors="replace", newline="") as file:
        return file.read(characters)


def _without_mark(start: bytes) -> str | None:
    even, odd = start[0::2], start[1::2]
    if len(odd) >= 2 and odd.count(0) > 0.4 * len(odd) and even.count(0) < 0.05 * len(even):
        return "utf-16-le"
    if len(odd) >= 2 and even.count(0) > 0.4 * len(even) and odd.count(0) < 0.05 * len(odd):
        return "utf-16-be"
    return None


def _letters(file: io.BufferedReader) -> tuple[int, int, bytes]:
    """Letters beyond ASCII that are valid UTF-8, those that are not, and lines with the latter."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    right = wrong = 0
    sample = bytearray()
    while True:
        chunk = file.read(CHUNK)
        if not (chunk.isascii() and not decoder.getstate()[0]):
            text = decoder.decode(chunk, final=not chunk)
            bad = text.count("\N{REPLACEMENT CHARACTER}") - chunk.count(b"\xef\xbf\xbd")
            wrong += max(0, bad)
            right += len(text) - len(text.encode("ascii", "ignore")) - bad
            if bad and len(sample) < SAMPLE:
                for line in chunk.splitlines(keepends=True):
                    if not line.isascii():
                        sample += line[: SAMPLE - len(sample)]
                        if len(sample) >= SAMPLE:
                            break
        if not chunk:
            return right, wrong, bytes(sample)


def _likeliest(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    western = sample.decode("cp1252", errors="replace")
    if all(letter.isascii() or letter in WESTERN for letter in western):
        return "cp1252"
    found = from_bytes(sample, cp_isolation=LEGACY).best()
    return found.encoding if found and found.encoding in TITLES else "cp1252"
