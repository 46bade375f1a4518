"""What every classification task does alike. Light: pages import it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from engines.contract import Recipe, Result, Run, Task, Verdict

if TYPE_CHECKING:
    from engines.classifying.domain import Domain


class ClassificationTask(Task):
    """A task with one class an example: it says how its domain's data and networks come about, the rest is shared."""

    @abstractmethod
    def domain(self) -> Domain:
        """How its data are read, its networks built and its models kept. Imports torch: workers only."""

    def fit(self, recipe: Recipe, run: Run) -> Result:
        from engines.classifying import outcome

        return outcome.fit(self.domain(), self.info, recipe, self.describe(recipe.model), run)

    def compare(
        self, recipe: Recipe, run: Run, budgets: Iterable[int], seeds: int
    ) -> tuple[list[dict[str, Any]], Verdict]:
        from engines.classifying import comparison

        card = self.describe(recipe.model)
        return comparison.compare(self.domain(), self.info, recipe, card, run, list(budgets), seeds)
