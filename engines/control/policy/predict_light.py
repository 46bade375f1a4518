"""Ask a trained policy on a host without torch: it plays in numpy anyway, see predict.py."""

from engines.control.policy.predict import load

__all__ = ["load"]
