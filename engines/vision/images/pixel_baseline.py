"""What people did before pretrained networks: the pixels themselves, weighed."""

from __future__ import annotations

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch.nn import functional as F

from engines.vision.images.transforms import Photos

SIDE = 16
"""Pixels that a picture is shrunk to."""
COMPONENTS = 100


def logistic_regression(photos: Photos, labels: np.ndarray, learnt: np.ndarray, tested: np.ndarray) -> np.ndarray:
    """The class, int64 (M,), of the photographs at the positions `tested`, int64 (M,), by logistic regression on SIDE ×
    SIDE pixels in their principal components, fitted on those at `learnt`, int64 (N,), whose classes are `labels`."""
    learning, testing = (_shrunk(photos, rows) for rows in (learnt, tested))
    if len(np.unique(labels)) < 2:
        return np.full(len(testing), labels[0])
    model = make_pipeline(
        StandardScaler(),
        PCA(min(COMPONENTS, *learning.shape), random_state=0),
        LogisticRegression(class_weight="balanced", max_iter=1000),
    )
    answers: np.ndarray = model.fit(learning, labels).predict(testing)
    return answers


def _shrunk(photos: Photos, rows: np.ndarray) -> np.ndarray:
    """float32 (N, 3 · SIDE²), 0 to 1."""
    small = []
    for row in rows.tolist():
        picture = photos.pixels(torch.tensor([row])).float() / 255
        small.append(F.interpolate(picture, (SIDE, SIDE), mode="area").flatten().numpy())
    return np.stack(small)
