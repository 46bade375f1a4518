"""When learning on the real robot is looked after, what that costs, and when it has to stop. Light."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Guard:
    """Real episodes that are played, without anything random in the actions, before the first leg and after some."""

    episodes: int
    """Each time; 0 where the budget is too small for any."""
    after: tuple[int, ...]
    """Legs, counted from 1, after which there is a look whatever the episodes take."""
    steps: int
    """The most that all of them cost."""
    longest: int = 0
    """Steps of the longest episode."""

    @classmethod
    def of(cls, longest: int, budget: int, legs: int, share: float) -> Guard:
        """What `share` of `budget` real steps pays for, an episode being `longest` steps: a look after every leg, or
        one after the last, at least one episode each time and no more than half of the budget."""
        affordable = int(share * budget) // longest
        after = tuple(range(1, legs + 1)) if affordable > legs else (legs,)
        episodes = max(1, affordable // (len(after) + 1))
        steps = episodes * (len(after) + 1) * longest
        return cls(episodes, after, steps, longest) if share and steps <= budget / 2 else cls(0, (), 0)

    @staticmethod
    def least(longest: int) -> int:
        """The fewest real steps with which anything can be checked: an episode before and one after, and as many steps
        to learn from."""
        return 4 * longest

    def looks(self, leg: int, spent: float, before: float) -> bool:
        """Whether there is a look after this leg, `before` looks having taken `spent` steps.

        Episodes that end early leave something: it goes into further looks, as long as one of the longest episodes is
        affordable and, before the last leg, as much again as a look took so far.
        """
        left = self.steps - spent - self.episodes * self.longest
        return self.episodes > 0 and left >= (0 if leg in self.after else spent / max(1, before))

    def helps(self, now: float, best: float, spread: float) -> bool:
        """Whether a mean return is clearly above the best before it, so that luck is not taken for learning.

        Clearly: Student's one-sided 95 %. One episode alone tells little: `spread` is then no more than a guess.
        """
        from scipy.stats import t

        return bool(now > best + t.ppf(0.95, max(1, self.episodes - 1)) * spread / math.sqrt(self.episodes))

    def dips(self, now: float, first: float, spread: float) -> bool:
        """Whether a mean return is below the source's by more than the noise of both: two standard errors.

        `spread` is the standard deviation of an episode's return.
        """
        return now < first - 2 * spread * math.sqrt(2 / self.episodes)
