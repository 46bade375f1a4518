"""Everything that is not screen: tasks, training, evidence, the queue. Nothing here imports streamlit.

The verbs are functions of this package, imported when they are first asked for:

    import engines
    result = engines.fit(engines.recipe("vision.classification", "photographs.zip"), "run")
"""

import importlib
import importlib.metadata
import os
from typing import Any

# Threads that wait for each other must not burn the core that another run, or a prediction, needs: two trainings beside
# each other became twice as fast, and single predictions fell from two seconds to 45 ms (docs/performance.md).
# The OpenMP library reads it when torch loads it, so it is set before anything can.
os.environ.setdefault("GOMP_SPINCOUNT", "1000")

_VERBS = ("tasks", "models", "samples", "check", "recipe", "fit", "compare", "load", "predict", "explain", "export")
_WORDS = ("InputError", "Recipe", "Result", "Strategy")

__all__ = [*_VERBS, *_WORDS, "__version__"]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.metadata.version("headstart")
    home = "engines.api" if name in _VERBS else "engines.contract" if name in _WORDS else None
    if home is None:
        raise AttributeError(f"module 'engines' has no attribute {name!r}")
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
