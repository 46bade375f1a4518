"""Scans as hospitals write them: read, shown, told apart by patient, and nothing of anybody kept."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections import Counter
from pathlib import Path

import nibabel
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import CTImageStorage, DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, generate_uid

from engines import paths
from engines.contract import InputError
from engines.vision.classification.dataset import open_photographs, open_unlabelled
from engines.vision.classification.opening import open_data
from engines.vision.classification.settings import VisionSettings
from engines.vision.medical import dicom, nifti, scan
from engines.vision.medical.file_kinds import is_dicom
from engines.vision.medical.scan import UnreadableScan

FILES = Path(pydicom.__file__).parent / "data/test_files"
SEEN = {"window": "as written", "frames": "middle", "axis": "axial", "step": None}


def slice_of(patient: str, seed: int, **tags: object) -> Dataset:
    """A CT slice of noise, of that patient."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = CTImageStorage, generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    made.Modality, made.PatientID, made.PatientName = "CT", patient, f"Doe{patient}^Jane"
    made.PatientBirthDate, made.PatientSex, made.PatientSize = f"19{seed % 90 + 10}0101", "F", f"1.{seed:02d}"
    made.Rows = made.Columns = 24
    made.BitsAllocated = made.BitsStored = 16
    made.HighBit, made.PixelRepresentation, made.SamplesPerPixel = 15, 1, 1
    made.PhotometricInterpretation, made.RescaleSlope, made.RescaleIntercept = "MONOCHROME2", 1, -1024
    values = np.random.default_rng(seed).integers(0, 2000, (24, 24)).astype(np.int16)
    made.PixelData = values.tobytes()
    for name, value in tags.items():
        setattr(made, name, value)
    return made


def written(path: Path, dataset: Dataset) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def clinic(tmp_path: Path) -> Path:
    """Eight patients in two classes, two slices each, called as a hospital calls them."""
    for number in range(8):
        label = "tumour" if number % 2 else "healthy"
        for at in range(2):
            name = f"{label}/Doe{number}_Jane/IM{at}.dcm"
            written(tmp_path / "brought" / name, slice_of(f"H-{number}", 2 * number + at))
    return tmp_path / "brought"


def zipped(folder: Path, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                archive.write(file, file.relative_to(folder).as_posix())
    return path


def below(folder: Path) -> bytes:
    """Every byte and every name below a folder, zips unpacked."""
    found = io.BytesIO()
    for file in sorted(folder.rglob("*")):
        found.write(file.relative_to(folder).as_posix().encode())
        if file.is_file():
            found.write(file.read_bytes())
            if zipfile.is_zipfile(file):
                with zipfile.ZipFile(file) as archive:
                    for name in archive.namelist():
                        found.write(name.encode() + archive.read(name))
    return found.getvalue().lower()


# --- reading ---------------------------------------------------------------------------------------


def test_a_window_makes_grey_of_hounsfield_units() -> None:
    values = np.array([[[-160, 39, 40, 240, 1000, -1000]]], dtype=np.int16)
    ((_, picture),) = scan.pictures(scan.Scan(values, modality="CT", window=(40.0, 400.0)), **SEEN)  # type: ignore[arg-type]
    expected = ((values[0, 0] - 39.5) / 399 + 0.5) * 255  # DICOM PS3.3 C.11.2.1.2.1
    assert np.asarray(picture)[0].tolist() == expected.round().clip(0, 255).astype(int).tolist()
    ((_, other),) = scan.pictures(scan.Scan(values, window=(40.0, 400.0), inverted=True), **SEEN)  # type: ignore[arg-type]
    assert np.abs(255 - np.asarray(other).astype(int) - np.asarray(picture)).max() <= 1


def test_the_files_that_pydicom_brings_are_read_or_told_why_not() -> None:
    reasons: Counter[str] = Counter()
    for path in sorted(FILES.rglob("*")):
        if path.is_file() and is_dicom(path) and path.stat().st_size < 300_000:
            try:
                assert scan.pictures(dicom.read(path)[0], **SEEN)  # type: ignore[arg-type]
                reasons["read"] += 1
            except UnreadableScan as error:
                reasons[str(error)] += 1
    assert reasons["read"] >= 70
    assert reasons["is cut short"] >= 1
    assert sum("is compressed in a way" in reason for reason in reasons) == 1
    assert sum("more pixels than are read" in reason for reason in reasons) == 1


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("MR_truncated.dcm", "is cut short"),
        ("JPEG-lossy.dcm", "is compressed in a way that is not read here"),
        ("badVR.dcm", "has a value of the wrong kind"),
        ("reportsi.dcm", "is a DICOM file without pixels"),
        ("DICOMDIR", "is the index of a disc"),
        ("rtstruct.dcm", "is no DICOM file"),
        ("meta_missing_tsyntax.dcm", "lacks what says how its pixels are stored"),
    ],
)
def test_what_cannot_be_read_is_told_in_a_phrase(name: str, reason: str) -> None:
    with pytest.raises(UnreadableScan, match=reason):
        dicom.read(next(FILES.rglob(name)))


def test_jpeg_ls_jpeg_2000_and_rle_are_read_alike() -> None:
    plain = dicom.read(FILES / "MR_small.dcm")[0].values
    for name in (
        "MR_small_RLE.dcm",
        "MR_small_jp2klossless.dcm",
        "MR_small_jpeg_ls_lossless.dcm",
        "MR_small_bigendian.dcm",
    ):
        assert (dicom.read(FILES / name)[0].values == plain).all(), name


def test_encrypted_files_and_bombs_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sealed = tmp_path / "sealed.dcm"
    sealed.write_bytes(b"\x30\x82\x01\x00" + b"\x07" * 400)
    hidden = slice_of("1", 1)
    del hidden.PixelData
    hidden.EncryptedAttributesSequence = [Dataset()]
    huge = slice_of("1", 1, Rows=60_000, Columns=60_000)
    many = slice_of("1", 1, NumberOfFrames=90_000_000)
    for file, reason in (
        (sealed, "is encrypted"),
        (written(tmp_path / "hidden.dcm", hidden), "is encrypted"),
        (written(tmp_path / "huge.dcm", huge), "60,000 × 60,000 pixels"),
        (written(tmp_path / "many.dcm", many), "90,000,000 frames take"),
    ):
        with pytest.raises(UnreadableScan, match=reason):
            dicom.read(file)
    monkeypatch.setenv("HEADSTART_ZIP_RATIO", "5")
    bomb = slice_of("1", 1, Rows=3000, Columns=3000, PixelData=bytes(18_000_000))
    bomb.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    packed = written(tmp_path / "bomb.dcm", bomb)
    assert packed.stat().st_size < 40_000
    with pytest.raises(UnreadableScan, match="unpacks to more than"):
        dicom.read(packed)


def test_pixels_that_are_no_squares_are_stretched() -> None:
    made = scan.Scan(np.arange(200, dtype=np.int16).reshape(1, 10, 20), spacing=(2.0, 1.0))
    ((_, picture),) = scan.pictures(made, **SEEN)  # type: ignore[arg-type]
    assert picture.size == (20, 20)


def test_frames_are_read_by_choice() -> None:
    values = np.stack([np.full((8, 8), n, np.uint8) for n in range(5)])
    frames = {
        how: [name for name, _ in scan.pictures(scan.Scan(values), **SEEN | {"frames": how})]  # type: ignore[arg-type]
        for how in ("first", "middle", "all")
    }
    assert frames == {"first": ["-001"], "middle": ["-003"], "all": [f"-00{n}" for n in range(1, 6)]}


def volume(path: Path, values: np.ndarray, affine: np.ndarray | None = None) -> Path:
    nibabel.save(nibabel.Nifti1Image(values, np.eye(4) if affine is None else affine), path)
    return path


def test_a_volume_is_turned_upright_and_cut_along_an_axis(tmp_path: Path) -> None:
    values = np.zeros((12, 14, 16), np.float32)
    values[2:10, 2:12, 2:14] = 50
    values[2:6, 9:12, 2:14] = 100  # to the left, in front
    plain = nifti.read(volume(tmp_path / "a.nii.gz", values))
    flipped = nifti.read(volume(tmp_path / "b.nii", values[::-1, :, ::-1], np.diag([-1.0, 1, -1, 1])))
    assert (plain.values == flipped.values).all()
    name, picture = scan.pictures(plain, **SEEN | {"step": 4})[0]  # type: ignore[arg-type]
    rows, columns = np.nonzero(np.asarray(picture) > 200)
    assert (name, picture.size) == ("-005", (12, 14))
    assert (rows.max() < 6, columns.min() >= 6) == (True, True)  # the front above, the left on the right
    assert scan.pictures(plain, **SEEN | {"axis": "coronal"})[0][1].size == (12, 16)  # type: ignore[arg-type]


def test_odd_volumes_are_read_with_a_note_or_refused(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    holes = rng.random((8, 8, 8)).astype(np.float32)
    holes[0] = np.nan
    assert nifti.read(volume(tmp_path / "holes.nii.gz", holes)).notes == ["nan"]
    several = rng.random((8, 8, 8, 3)).astype(np.float32)
    found = nifti.read(volume(tmp_path / "several.nii.gz", several))
    assert (found.notes, found.values.shape) == (["volumes"], (8, 8, 8))
    assert np.allclose(found.values, several[..., 0])
    with pytest.raises(UnreadableScan, match="no number"):
        nifti.read(volume(tmp_path / "none.nii.gz", np.full((4, 4, 4), np.nan, np.float32)))
    whole = (tmp_path / "holes.nii.gz").read_bytes()
    (tmp_path / "cut.nii.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UnreadableScan, match="is cut short"):
        nifti.read(tmp_path / "cut.nii.gz")
    header = nibabel.Nifti1Header()
    header.set_data_shape((30_000, 30_000, 30_000))
    bomb = header.binaryblock + b"\0" * 4 + bytes(4 << 20)
    (tmp_path / "bomb.nii.gz").write_bytes(gzip.compress(bomb))
    with pytest.raises(UnreadableScan, match="bytes, more than is read"):
        nifti.read(tmp_path / "bomb.nii.gz")


# --- whose they are --------------------------------------------------------------------------------


def test_patients_stay_together_and_go_by_hashes(clinic: Path, tmp_path: Path) -> None:
    found = open_photographs(clinic, tmp_path / "work")
    assert Counter(one.label for one in found.examples) == {"healthy": 8, "tumour": 8}
    assert len({one.patient for one in found.examples}) == 8
    guess = next(guess for guess in found.read_as if guess.setting == "patients")
    assert guess.value == "DICOM tag"
    assert any("8 patients" in note for note in found.notes)
    opened = open_data(clinic, None, VisionSettings(), seed=0)
    parts = {(one.patient, str(part)) for one, part in zip(opened.examples, opened.parts, strict=True)}
    assert len(parts) == 8
    assert {part for _, part in parts} == {"train", "validation", "test"}


def test_the_same_data_give_the_same_hashes_and_others_do_not(clinic: Path, tmp_path: Path) -> None:
    first = open_photographs(clinic, tmp_path / "one")
    again = open_photographs(zipped(clinic, tmp_path / "scans.zip"), tmp_path / "two")
    assert [one.patient for one in first.examples] == [one.patient for one in again.examples]
    assert first.sha256 == again.sha256
    written(clinic / "tumour/more.dcm", slice_of("H-1", 99))
    more = open_photographs(clinic, tmp_path / "three")
    assert {one.patient for one in more.examples}.isdisjoint(one.patient for one in first.examples)


def test_a_patient_in_two_parts_is_refused_with_the_reason(clinic: Path, tmp_path: Path) -> None:
    for label in ("healthy", "tumour"):
        for folder in sorted((clinic / label).iterdir()):
            part = "test" if folder.name[3] in "67" else "train"
            (clinic / part / label).mkdir(parents=True, exist_ok=True)
            folder.rename(clinic / part / label / folder.name)
        (clinic / label).rmdir()
    assert len(open_photographs(clinic, tmp_path / "one").examples) == 16
    written(clinic / "test/healthy/again.dcm", slice_of("H-0", 77))
    with pytest.raises(
        InputError, match="is in test and train: what is learnt of a patient helps to test that patient"
    ):
        open_photographs(clinic, tmp_path / "two")
    assert open_photographs(clinic, tmp_path / "two", VisionSettings(patients="nobody")).examples


def pictures(folder: Path, names: list[str]) -> Path:
    for at, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(at).integers(0, 255, (9, 9), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / name)
    return folder


def test_names_and_columns_tell_patients_of_ordinary_pictures(tmp_path: Path) -> None:
    names = [
        f"{label}/patient-{2 * n + (label == 'ill')}_slice{at}.png"
        for label in ("ill", "well")
        for n in range(4)
        for at in range(2)
    ]
    found = open_photographs(pictures(tmp_path / "named", names), tmp_path / "one")
    assert len({one.patient for one in found.examples}) == 8
    assert found.clinical
    data = pictures(tmp_path / "table", [f"{n}.png" for n in range(16)])
    rows = [f"{n}.png,{'ill' if n % 4 < 2 else 'well'},P{n // 2}" for n in range(16)]
    (data / "labels.csv").write_text("\n".join(["file_name,label,patient_id", *rows]))
    by_column = open_photographs(data, tmp_path / "two")
    assert len({one.patient for one in by_column.examples}) == 8
    assert Counter(one.label for one in by_column.examples) == {"ill": 8, "well": 8}
    (data / "labels.csv").write_text(
        "\n".join(["file_name,subject", *[f"{n}.png,{'cat' if n % 2 else 'dog'}" for n in range(16)]])
    )
    assert open_photographs(data, tmp_path / "two").classes == ["cat", "dog"]  # a subject may be what is on it
    ordinary = pictures(tmp_path / "plain", [f"{label}/{n}.png" for label in "ab" for n in range(6)])
    plain = open_photographs(ordinary, tmp_path / "three")
    assert not plain.clinical
    assert {one.patient for one in plain.examples} == {""}
    with pytest.raises(InputError, match="finds nobody in 12 of 12 paths"):
        open_photographs(ordinary, tmp_path / "three", VisionSettings(patients="person(.)"))


def test_one_person_under_two_numbers_is_noted(clinic: Path, tmp_path: Path) -> None:
    same = {"PatientBirthDate": "19700102", "PatientSize": "1.71"}
    written(clinic / "healthy/x/1.dcm", slice_of("A", 50, **same))
    written(clinic / "healthy/y/1.dcm", slice_of("B", 51, **same))
    copy = slice_of("C", 50)
    written(clinic / "healthy/z/1.dcm", copy)  # the pixels of A
    notes = " ".join(open_photographs(clinic, tmp_path / "work").notes)
    assert "several patient numbers have the same date of birth" in notes
    assert "share a picture with another" in notes


# --- nobody's name --------------------------------------------------------------------------------

SECRET = "Zephyrine"


def planted(dataset: Dataset) -> Dataset:
    """A name in every tag that takes text, in a private one and in a sequence."""
    for keyword in [
        "PatientName",
        "PatientID",
        "PatientAddress",
        "OtherPatientNames",
        "InstitutionName",
        "ReferringPhysicianName",
        "StudyDescription",
        "SeriesDescription",
        "BodyPartExamined",
        "AccessionNumber",
        "PatientComments",
        "ImageComments",
        "StationName",
        "OperatorsName",
        "ProtocolName",
        "Manufacturer",
        "ManufacturerModelName",
        "StudyID",
        "WindowCenterWidthExplanation",
    ]:
        setattr(dataset, keyword, f"{SECRET} {keyword}"[:16])
    dataset.add_new((0x0011, 0x0010), "LO", f"{SECRET} CREATOR")
    dataset.add_new((0x0011, 0x1001), "LT", f"born {SECRET}")
    inner = Dataset()
    inner.PatientName = SECRET
    dataset.ReferencedStudySequence = [inner]
    return dataset


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_no_name_is_kept_shown_or_noted(tmp_path: Path) -> None:
    brought = tmp_path / "brought"
    for number in range(8):
        made = planted(slice_of(f"{SECRET}{number}", number))
        made.PatientID, made.Modality = f"{SECRET}{number}", f"{SECRET.upper()}"
        written(brought / f"{'ab'[number % 2]}/{SECRET}_{number}/{SECRET}-scan.dcm", made)
    (brought / f"{SECRET}.txt").write_text(f"about {SECRET}")
    written(brought / f"a/{SECRET}-bad.dcm", slice_of("x", 1)).write_bytes(b"nothing")
    noted = Image.fromarray(np.zeros((9, 9, 3), np.uint8))
    exif = noted.getexif()
    exif[0x013B] = SECRET
    noted.save(brought / f"b/{SECRET}.jpg", exif=exif)
    rows = [
        f"{SECRET}_{n}/{SECRET}-scan.dcm,{'ab'[n % 2]},{SECRET} Smith,{SECRET}{n},2001-01-0{n + 1}" for n in range(8)
    ]
    (brought / f"{SECRET}.csv").write_text("\n".join(["file,label,remark,patient_id,visit", *rows]))
    archive = zipped(brought, paths.uploads() / "somebody" / "upload.zip")
    before = archive.read_bytes()
    found = open_photographs(archive, paths.work(archive), VisionSettings())
    assert len({one.patient for one in found.examples} - {""}) == 8
    assert SECRET.lower().encode() not in below(paths.home())
    told = " ".join(
        [one.name for one in found.examples]
        + [f"{one.where} {one.reason}" for one in found.skipped]
        + found.notes
        + [str(guess) for guess in found.read_as]
    )
    assert SECRET.lower() not in told.lower()
    assert archive.read_bytes() != before
    again = open_photographs(archive, paths.work(archive), VisionSettings())
    assert [(one.name, one.sha256, one.patient) for one in again.examples] == [
        (one.name, one.sha256, one.patient) for one in found.examples
    ]


def test_what_lies_elsewhere_stays_as_it_is(clinic: Path, tmp_path: Path) -> None:
    archive = zipped(clinic, tmp_path / "mine.zip")
    before = archive.read_bytes()
    open_photographs(archive, paths.work(archive))
    assert archive.read_bytes() == before
    assert b"doe1" not in below(paths.home())


def test_a_table_names_the_scans(clinic: Path, tmp_path: Path) -> None:
    files = sorted(file.relative_to(clinic).as_posix() for file in clinic.rglob("*.dcm"))
    rows = [f"{file},{'yes' if at % 4 < 2 else 'no'},{at}.2.1970,Dr. Who" for at, file in enumerate(files)]
    (clinic / "labels.csv").write_text("\n".join(["path,finding,visit,physician", *rows]))
    found = open_photographs(clinic, tmp_path / "work", VisionSettings(label_column="finding"))
    assert Counter(one.label for one in found.examples) == {"yes": 8, "no": 8}
    assert any("2 columns of the tables" in note for note in found.notes)


def test_a_window_can_be_chosen_again_and_a_wrong_one_is_refused(clinic: Path, tmp_path: Path) -> None:
    usual = open_photographs(clinic, tmp_path / "work")
    bone = open_photographs(clinic, tmp_path / "work", VisionSettings(window="400/1800"))
    assert usual.sha256 != bone.sha256
    with pytest.raises(InputError, match="accepted: centre/width such as 40/400"):
        open_photographs(clinic, tmp_path / "work", VisionSettings(window="wide"))


def test_one_file_and_several_can_be_asked_about(clinic: Path, tmp_path: Path) -> None:
    one = next(clinic.rglob("*.dcm"))
    found, skipped = open_unlabelled(one, tmp_path / "work")
    assert ([name for name, _ in found], skipped) == (["00001.png"], [])
    assert len(open_unlabelled(clinic, tmp_path / "all")[0]) == 16


def test_a_class_may_be_called_like_a_part_of_numbers(clinic: Path, tmp_path: Path) -> None:
    written(clinic / "tumour/more/1.dcm", slice_of("tumour-001", 60))
    assert open_photographs(clinic, tmp_path / "work").classes == ["healthy", "tumour"]
