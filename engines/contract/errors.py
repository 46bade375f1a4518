"""What goes wrong, in words that a person can act on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong with what a person gave: where it is, what was found there, what is accepted."""

    where: str
    found: str
    accepted: str
    choices: tuple[str, ...] = ()
    """What the setting named in `where` may be given: a page offers them."""

    def __str__(self) -> str:
        return f"{self.where}: {self.found}; {self.accepted}."


class InputError(ValueError):
    """The input is wrong. Carries one plain sentence a problem; the command line exits 2 on it."""

    def __init__(self, *problems: Problem):
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems

    @classmethod
    def told(cls, text: str) -> InputError:
        """One whose sentences were put into words elsewhere, such as by a worker."""
        error = cls()
        error.args = (text,)
        return error

    def __reduce__(self) -> tuple[type, tuple[Problem, ...]]:
        return (type(self), self.problems)


class Cancelled(BaseException):
    """Somebody asked this run to stop. What was learnt so far is in the checkpoint.

    No Exception, as asyncio's is none: readers take any of these for a damaged file.
    """
