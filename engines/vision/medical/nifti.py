"""NIfTI through nibabel: the first volume, turned to one orientation, or one phrase that says why not."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import nibabel
import numpy as np
from nibabel.spatialimages import SpatialImage

from engines.data.archive import Limits
from engines.messages import _
from engines.vision.medical.scan import Scan, UnreadableScan


def read(path: Path) -> Scan:
    """The first volume, its axes to the right, to the front and up. What is no number counts as the lowest that is.

    Raises UnreadableScan.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return _scan(path)
        except UnreadableScan:
            raise
        except MemoryError:
            raise UnreadableScan(_("is too large for this computer's memory")) from None
        except Exception as error:  # nibabel, gzip and zlib raise whatever the bytes provoke
            cut = isinstance(error, (EOFError, OSError, ValueError)) and any(
                word in str(error).lower()
                for word in ("expected", "end-of-stream", "truncat", "mmap", "could the file be damaged")
            )
            raise UnreadableScan(_("is cut short") if cut else _("is damaged, or no NIfTI file")) from None


def _scan(path: Path) -> Scan:
    if path.stat().st_size == 0:
        raise UnreadableScan(_("is empty"))
    image = nibabel.load(path)
    if not isinstance(image, SpatialImage):
        raise UnreadableScan(_("has no slices"))
    shape = image.shape
    if len(shape) < 2 or any(side < 1 for side in shape):
        raise UnreadableScan(_("has no slices"))
    if image.get_data_dtype().names or np.iscomplexobj(np.zeros(1, image.get_data_dtype())):
        raise UnreadableScan(_("holds colours or complex numbers: grey values are read"))
    of_one = math.prod(shape[:3]) * image.get_data_dtype().itemsize
    if of_one > Limits().member_bytes:
        raise UnreadableScan(_("says that a volume takes {n_bytes:,} bytes, more than is read", n_bytes=of_one))
    notes = []
    if len(shape) > 3 and math.prod(shape[3:]) > 1:
        notes.append("volumes")
    first = (slice(None),) * min(3, len(shape)) + (0,) * max(0, len(shape) - 3)
    values = np.asarray(image.dataobj[first], dtype=np.float32).reshape(*shape[:3], *(1,) * (3 - len(shape[:3])))
    turned = nibabel.as_closest_canonical(nibabel.Nifti1Image(values, image.affine))
    values = np.asarray(turned.dataobj)
    spacing = tuple(float(size) for size in turned.header.get_zooms()[:3])
    finite = np.isfinite(values)
    if not finite.all():
        if not finite.any():
            raise UnreadableScan(_("holds no number"))
        notes.append("nan")
        values = np.where(finite, values, values[finite].min())
    if values.min() == values.max():
        raise UnreadableScan(_("holds one value alone"))
    return Scan(values, is_volume=True, spacing=spacing, notes=notes)
