"""How the repeats of a policy learn: leg by leg, by each of the strategies."""
