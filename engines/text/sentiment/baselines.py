"""What people did before pretrained networks, and still should try first."""

from __future__ import annotations

import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegressionCV
from sklearn.pipeline import make_pipeline

from engines.text.sentiment.prepare import Prepared

FOLDS = 3


def tfidf_logistic_regression(prepared: Prepared) -> np.ndarray:
    """The class (int64 (N,)) of each test text by word and word-pair counts (tf-idf) and a logistic regression.

    Learnt from everything that is not for the test, its one knob chosen by cross-validation among three.
    """
    rows = np.concatenate([prepared.parts["train"], prepared.parts["validation"]])
    texts, labels = [prepared.texts[i].text for i in rows], prepared.examples.labels.numpy()[rows]
    testing = [prepared.texts[i].text for i in prepared.parts["test"]]
    folds = min(FOLDS, int(np.bincount(labels)[np.unique(labels)].min()))
    if folds < 2:  # a class with one text cannot be cross-validated
        labels_kept = np.isin(labels, np.flatnonzero(np.bincount(labels) >= 2))
        texts, labels = [t for t, kept in zip(texts, labels_kept, strict=True) if kept], labels[labels_kept]
        folds = 2
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
        LogisticRegressionCV(
            Cs=[1.0, 10.0, 100.0],
            cv=folds,
            scoring="accuracy",
            class_weight="balanced",
            max_iter=1000,
            l1_ratios=(0.0,),
            use_legacy_attributes=False,
        ),
    )
    try:
        model.fit(texts, labels)
    except ValueError:  # no text has a word in it
        return np.full(len(testing), np.bincount(labels).argmax())
    answers: np.ndarray = model.predict(testing)
    return answers
