"""How close translations come to a person's, by sacrebleu: chrF (Popović 2015) and BLEU (Papineni et al. 2002).

Both are functions of counts added up over sentences, so that an interval can be drawn from resampled sentences.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from sacrebleu.metrics import BLEU, CHRF

from engines.evidence.bootstrap import Value


def chrf(translations: Sequence[str], references: Sequence[str]) -> tuple[np.ndarray, Value]:
    """float (N, 18): of each sentence the character n-grams in translation, reference and both, n = 1 to 6; and what
    makes chrF of them, 0 to 100."""
    return counts(CHRF(), translations, references), value_of_chrf


def value_of_chrf(sums: np.ndarray) -> float:
    """chrF, 0 to 100, from the sums of `chrf`."""
    return of_counts(CHRF(), sums)


def bleu(translations: Sequence[str], references: Sequence[str]) -> tuple[np.ndarray, Value]:
    """float (N, 10): of each sentence its length, the reference's, and the word n-grams, n = 1 to 4, that match and
    that there are; and what makes BLEU of them, 0 to 100."""
    metric = BLEU(force=True)
    return counts(metric, translations, references), lambda sums: of_counts(metric, sums)


# --- inside sacrebleu -----------------------------------------------------------------------------
# Its public methods go from texts to a score and show no counts (chrF) or go through the texts again for each draw.
# These two steps are where its own bootstrap cuts; a test holds them to its public scores.


def counts(metric: CHRF | BLEU, translations: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """float (N, K): what the metric adds up, a row a sentence."""
    return np.array(metric._extract_corpus_statistics(translations, [references]), dtype=np.float64)


def of_counts(metric: CHRF | BLEU, sums: np.ndarray) -> float:
    """The score of counts that were added up over sentences, float (K,), which are whole numbers."""
    return float(metric._compute_score_from_stats([int(each) for each in sums]).score)
