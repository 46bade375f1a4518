"""DICOM through pydicom: pixels and the few tags that are kept, or one phrase that says why not."""

from __future__ import annotations

import math
import warnings
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
from pydicom.uid import DeflatedExplicitVRLittleEndian

from engines.data.archive import Limits
from engines.messages import _
from engines.vision.images.reading import MAX_PIXELS
from engines.vision.medical.scan import Scan, UnreadableScan

MODALITIES = frozenset(
    [
        "CT",
        "MR",
        "CR",
        "DX",
        "US",
        "MG",
        "NM",
        "PT",
        "XA",
        "RF",
        "OT",
        "SC",
        "SEG",
        "IVUS",
        "OCT",
        "OP",
        "ES",
        "GM",
        "SM",
        "XC",
        "IO",
        "PX",
        "RG",
        "RTIMAGE",
        "RTDOSE",
    ]
)
"""Codes that are kept: whatever else stands in that tag may be anything."""
DRAWN_ON = {"US", "SC", "XC", "ES", "OT"}
"""Modalities whose machines write names into the pixels."""
CURVES = {"LINEAR", "LINEAR_EXACT", "SIGMOID"}
UNPACKED = 1 << 20


@dataclass
class Whose:
    """What a file says of its patient: looked at while it is read, and kept nowhere."""

    id: str = ""
    names: list[str] = field(default_factory=list)
    """Of people."""
    numbers: list[str] = field(default_factory=list)
    """Of patients and examinations."""
    looks: str = ""
    """Date of birth, sex and size: by which two numbers may be one person; '' where too little of it is there."""


def read(path: Path) -> tuple[Scan, Whose]:
    """Raises UnreadableScan: no DICOM, without pixels, encrypted, cut short, damaged, too large, or compressed in a way
    that nothing here decodes."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # pydicom's, about values that a standard forbids and files hold
        try:
            dataset = _opened(path)
            _require_pixels(dataset)
            whose = _whose(dataset)
            return _scan(dataset), whose
        except UnreadableScan:
            raise
        except MemoryError:
            raise UnreadableScan(_("is too large for this computer's memory")) from None
        except Exception as error:  # pydicom and decoders raise whatever the bytes provoke
            raise UnreadableScan(_why(error)) from None


def _opened(path: Path) -> Dataset:
    try:
        meta = pydicom.filereader.read_file_meta_info(path)
        if meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
            _require_bearable(path, int(meta.FileMetaInformationGroupLength))
    except (InvalidDicomError, AttributeError):
        pass  # without the usual beginning: read as it is
    try:
        return pydicom.dcmread(path)
    except InvalidDicomError:
        start = path.read_bytes()[:4] if path.stat().st_size else b""
        if start[:2] in {b"\x30\x80", b"\x30\x82", b"\x30\x83", b"\x30\x84"}:
            raise UnreadableScan(_("is encrypted: decrypt it where it came from")) from None
        dataset = pydicom.dcmread(path, force=True)
        if "PixelData" not in dataset or "Rows" not in dataset:
            raise UnreadableScan(_("is no DICOM file, whatever it is called") if start else _("is empty")) from None
        return dataset


def _require_bearable(path: Path, meta_length: int) -> None:
    """Raises UnreadableScan where a deflated file unpacks without bound: pydicom would do it in one go."""
    limits = Limits()
    most = max(limits.ratio_from, min(limits.member_bytes, limits.ratio * path.stat().st_size))
    inflate, size = zlib.decompressobj(-zlib.MAX_WBITS), 0
    left = path.read_bytes()[144 + meta_length :]
    while left and not inflate.eof:
        size += len(inflate.decompress(left, UNPACKED))
        left = inflate.unconsumed_tail
        if size > most:
            raise UnreadableScan(_("unpacks to more than {most:,} bytes", most=most))


def _require_pixels(dataset: Dataset) -> None:
    if "PixelData" not in dataset and "FloatPixelData" not in dataset:
        if "EncryptedAttributesSequence" in dataset:
            raise UnreadableScan(_("is encrypted: decrypt it where it came from"))
        if "DirectoryRecordSequence" in dataset:
            raise UnreadableScan(_("is the index of a disc (DICOMDIR), and no scan"))
        raise UnreadableScan(_("is a DICOM file without pixels, such as a report or a plan"))
    rows, columns = int(dataset.Rows), int(dataset.Columns)
    frames = int(dataset.get("NumberOfFrames") or 1)
    if rows * columns > MAX_PIXELS:
        found = _("has {columns:,} × {rows:,} pixels", columns=columns, rows=rows)
        raise UnreadableScan(
            _("{found}, more than the {most} million that are read", found=found, most=MAX_PIXELS // 10**6)
        )
    if rows < 1 or columns < 1 or frames < 1:
        raise UnreadableScan(_("says that it has no pixels"))
    n_bytes = (
        rows * columns * frames * int(dataset.get("SamplesPerPixel", 1)) * math.ceil(int(dataset.BitsAllocated) / 8)
    )
    if n_bytes > Limits().member_bytes:
        raise UnreadableScan(
            _(
                "says that its {frames:,} frames take {n_bytes:,} bytes, more than is read",
                frames=frames,
                n_bytes=n_bytes,
            )
        )


def _scan(dataset: Dataset) -> Scan:
    values = dataset.pixel_array
    frames = int(dataset.get("NumberOfFrames") or 1)
    if dataset.PhotometricInterpretation == "PALETTE COLOR":
        values = apply_color_lut(values, dataset)
    coloured = values.ndim - (frames > 1) == 3
    values = values if frames > 1 else values[None]
    modality = dataset.get("Modality", "")
    modality = modality if modality in MODALITIES else ""
    if coloured:
        if values.dtype != np.uint8:
            values = values >> (8 * (values.dtype.itemsize - 1))
        return Scan(
            values.astype(np.uint8), modality=modality, spacing=_spacing(dataset), notes=_burned(dataset, modality)
        )
    values = _in_units(dataset, values)
    window = _window(dataset)
    if window is None and "VOILUTSequence" in dataset:
        values = apply_voi_lut(values, dataset)
    if not np.isfinite(values).all():
        raise UnreadableScan(_("holds values that are no numbers"))
    curve = str(dataset.get("VOILUTFunction", "LINEAR"))
    return Scan(
        _compact(values),
        modality=modality,
        window=window or ((40.0, 400.0) if modality == "CT" else None),
        curve=curve if curve in CURVES else "LINEAR",
        inverted=dataset.PhotometricInterpretation == "MONOCHROME1",
        spacing=_spacing(dataset),
        notes=_burned(dataset, modality),
    )


def _in_units(dataset: Dataset, values: np.ndarray) -> np.ndarray:
    """Rescaled as the file says, in its top level or in what all frames of an enhanced one share."""
    shared = _shared(dataset, "PixelValueTransformationSequence")
    if shared is not None and "RescaleSlope" not in dataset:
        return values * float(shared.RescaleSlope) + float(shared.RescaleIntercept)
    rescaled: np.ndarray = apply_modality_lut(values, dataset)
    return rescaled


def _window(dataset: Dataset) -> tuple[float, float] | None:
    """The first window that the file names, centre and width."""
    shared = _shared(dataset, "FrameVOILUTSequence")
    source = dataset if "WindowCenter" in dataset else shared
    if source is None:
        return None
    centre, width = (_first(source.get(name)) for name in ("WindowCenter", "WindowWidth"))
    return (centre, width) if centre is not None and width is not None and width >= 1 else None


def _spacing(dataset: Dataset) -> tuple[float, ...]:
    shared = _shared(dataset, "PixelMeasuresSequence")
    for source, name in ((dataset, "PixelSpacing"), (shared, "PixelSpacing"), (dataset, "ImagerPixelSpacing")):
        given = source.get(name) if source is not None else None
        if given is not None and len(given) == 2 and all(math.isfinite(float(v)) and float(v) > 0 for v in given):
            return float(given[0]), float(given[1])
    aspect = dataset.get("PixelAspectRatio")
    return (float(aspect[0]), float(aspect[1])) if aspect and all(float(v) > 0 for v in aspect) else ()


def _shared(dataset: Dataset, name: str) -> Dataset | None:
    """What an enhanced file says for all frames, else for the first of them."""
    for groups in ("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"):
        for group in list(dataset.get(groups) or ())[:1]:
            if found := list(group.get(name) or ()):
                first: Dataset = found[0]
                return first
    return None


def _first(value: Any) -> float | None:
    """The number, or the first of several; None of none."""
    if value is None or value == "":
        return None
    number = float(value[0] if isinstance(value, (list, pydicom.multival.MultiValue)) else value)
    return number if math.isfinite(number) else None


def _burned(dataset: Dataset, modality: str) -> list[str]:
    said = str(dataset.get("BurnedInAnnotation", "")).upper()
    return ["burned"] if said == "YES" or (modality in DRAWN_ON and said != "NO") else []


def _compact(values: np.ndarray) -> np.ndarray:
    """Whole numbers in as few bytes as they need, others as float32."""
    if np.issubdtype(values.dtype, np.integer) or bool((values == np.rint(values)).all()):
        low, high = values.min(), values.max()
        for kind in (np.uint8, np.int16, np.uint16):
            if np.iinfo(kind).min <= low and high <= np.iinfo(kind).max:
                return values.astype(kind)
    return values.astype(np.float32)


# --- whose it is: looked at, never kept -------------------------------------------------------------


def _whose(dataset: Dataset) -> Whose:
    """Raises nothing: what cannot be read of it says nothing."""
    found = Whose()
    text = {name: _text(dataset, name) for name in ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")}
    found.id = text["PatientID"] or text["PatientName"] + text["PatientBirthDate"] or _text(dataset, "StudyInstanceUID")
    size = _text(dataset, "PatientSize") or _text(dataset, "PatientWeight")
    if text["PatientBirthDate"] and (size or text["PatientSex"]):
        found.looks = " ".join((text["PatientBirthDate"], text["PatientSex"], size))
    for element in dataset:
        if element.VR == "PN":
            found.names.append(_text(dataset, element.tag))
        elif element.keyword in {"PatientID", "OtherPatientIDs", "AccessionNumber"}:
            found.numbers.append(_text(dataset, element.tag))
    return found


def _text(dataset: Dataset, name: Any) -> str:
    try:
        value = dataset.get(name, "")
        return str(getattr(value, "value", value) or "").strip()
    except Exception:  # a value that cannot be converted
        return ""


def _why(error: Exception) -> str:
    """One phrase for whatever pydicom or a decoder raised."""
    text = f"{type(error).__name__} {error}".lower()
    if (
        "unable to decompress" in text
        or "does not support" in text
        or "missing dependencies" in text
        or "extended" in text
    ):
        return _("is compressed in a way that is not read here: save it uncompressed, as JPEG 2000, JPEG-LS or RLE")
    if "invalid literal" in text or "could not convert" in text or "is not allowed for elements with a vr" in text:
        return _("has a value of the wrong kind (VR), such as letters where a number belongs")
    if "less than expected" in text or "eof" in text or "truncat" in text or "unexpected end" in text:
        return _("is cut short")
    if "missing required" in text or "has no attribute" in text or "no (0002,0010)" in text:
        return _("lacks what says how its pixels are stored")
    if "million" in text or "decompressionbomb" in text or "exceeds limit" in text:
        return _("says that it has more pixels than are read")
    return _("is damaged")
