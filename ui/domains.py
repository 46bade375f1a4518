"""The domains' pages: what they are called, where they are, and what they do in a few words. One line a domain."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Domain:
    """One domain's page."""

    name: str
    """As in a task's name: 'vision.classification' is of the domain 'vision'."""
    title: str
    icon: str
    does: str

    @property
    def page(self) -> str:
        return f"pages/{self.name}.py"


DOMAINS = (
    Domain("vision", "Vision", ":material/image:", "Tell photographs apart"),
    Domain("text", "Text", ":material/chat:", "Reviews, answers, translation"),
    Domain("speech", "Speech", ":material/mic:", "Accents, transcription, voices"),
    Domain("forecasting", "Forecasting", ":material/show_chart:", "Sales, weather, prices"),
    Domain("control", "Control", ":material/stadia_controller:", "From simulation to the real robot"),
)


def page_of(task: str) -> str | None:
    """The page of a task's domain; None where it has none."""
    return next((domain.page for domain in DOMAINS if domain.name == task.split(".")[0]), None)
