"""Which files are scans, told without what reads them."""

from __future__ import annotations

from pathlib import Path

DICOM = (".dcm", ".dicom", ".ima")
NIFTI = (".nii", ".nii.gz")


def is_scan(path: Path) -> bool:
    return is_dicom(path) or is_nifti(path)


def is_dicom(path: Path) -> bool:
    """By its name, or by the four letters behind its preamble where the name says nothing."""
    suffix = path.suffix.lower()
    if suffix in DICOM or path.name.upper() == "DICOMDIR":
        return True
    if suffix and not suffix[1:].isdigit():
        return False
    try:
        with path.open("rb") as file:
            return file.read(132)[128:] == b"DICM"
    except OSError:
        return False


def is_nifti(path: Path) -> bool:
    """By its name: what begins like one is a file of its numbers."""
    return path.name.lower().endswith(NIFTI)
