"""The course, in each language: what an episode tells to expect is what was recorded, and what it opens is there."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from engines import messages, paths, registry
from engines.contract import Result
from engines.reporting import comparisons
from engines.runs import RunFolder
from ui.page import address, domains

COURSE = paths.PROJECT / "docs" / "workshop"
EXPECTED = re.compile(
    r"<!-- expect: (?P<what>.+?) = (?P<value>[-\d.]+)(?P<points> points)? ± (?P<tolerance>[\d.]+) -->"
)
LINK = re.compile(r"`(/[^`\s]*)`")
BREAK = 15  # minutes


@dataclass(frozen=True)
class Course:
    """The course in one language: where it lies, and the words that it is found by."""

    language: str
    folder: Path
    index: Path
    parts: tuple[str, str, str, str]  # question, objective, minutes, what it opens
    sections: tuple[str, str, str]
    points: str
    pause: str
    total: str

    @property
    def episodes(self) -> list[Path]:
        return sorted(self.folder.glob("[1-9]-*.md"))

    def told(self, episode: Path, part: str) -> str:
        found = re.search(rf"^\*\*{part}\*\*: (.+)$", episode.read_text(encoding="utf-8"), re.MULTILINE)
        assert found, f"{episode.name} does not say its {part.lower()}"
        return found.group(1).strip("`")

    def minutes(self, episode: Path) -> int:
        return int(self.told(episode, self.parts[2]))

    def opens(self, episode: Path) -> str:
        return self.told(episode, self.parts[3])


COURSES = (
    Course(
        language="en",
        folder=COURSE,
        index=COURSE.with_suffix(".md"),
        parts=("Question", "Objective", "Minutes", "Opens at"),
        sections=("Exercise", "The number to expect", "For the instructor"),
        points="points",
        pause="a break of {minutes} minutes |",
        total="{minutes} minutes, {with_breaks} with the breaks",
    ),
    Course(
        language="de",
        folder=COURSE / "de",
        index=COURSE / "de" / "index.md",
        parts=("Frage", "Ziel", "Minuten", "Zu öffnen"),
        sections=("Übung", "Die erwartete Zahl", "Für die Kursleitung"),
        points="Punkte",
        pause="eine Pause von {minutes} Minuten |",
        total="{minutes} Minuten, {with_breaks} mit den Pausen",
    ),
)
every_course = pytest.mark.parametrize("course", COURSES, ids=lambda course: course.language)
every_episode = pytest.mark.parametrize(
    ("course", "episode"),
    [
        pytest.param(course, episode, id=f"{course.language}-{episode.stem}")
        for course in COURSES
        for episode in course.episodes
    ],
)


def expectations(episode: Path) -> list[re.Match[str]]:
    return list(EXPECTED.finditer(episode.read_text(encoding="utf-8")))


def links(episode: Path) -> list[str]:
    """The app's addresses in an episode, in their order."""
    return LINK.findall(episode.read_text(encoding="utf-8"))


def in_language(link: str, language: str) -> str:
    """A link of the English course as that of another language's."""
    return f"{link}{'&' if '?' in link else '?'}lang={language}"


def measured(what: str) -> float:
    """The recorded number that an episode names: a run's value, a difference, a baseline, or a point of the few-label
    curve."""
    where, *which = what.split()
    if where == "shots":
        sample, *line, shots = which
        curves = json.loads((paths.showcase() / "shots.json").read_text(encoding="utf-8"))["samples"]
        points = next(curve for curve in curves if curve["sample"] == sample)["lines"][" ".join(line)]
        return float(next(point["value"] for point in points if point["shots"] == int(shots)))
    result = RunFolder.find(where).result
    assert result is not None
    return of_run(result, *which)


def of_run(result: Result, which: str, name: str = "") -> float:
    if which == "value":
        return result.value
    if which == "half_width":
        return (result.high - result.low) / 2
    if which == "baseline":
        return result.baselines[name]
    assert which == "difference_from", which
    verdict = comparisons.against(result, name)
    assert verdict is not None
    return verdict.difference.value


@every_episode
def test_an_episode_has_all_that_an_instructor_needs(course: Course, episode: Path) -> None:
    text = episode.read_text(encoding="utf-8")
    assert all(course.told(episode, part) for part in course.parts)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(course.sections)
    assert EXPECTED.search(text), "no number to expect"


@pytest.mark.parametrize(
    ("course", "episode", "found"),
    [
        pytest.param(course, episode, found, id=f"{course.language}-{episode.stem}-{place}")
        for course in COURSES
        for episode in course.episodes
        for place, found in enumerate(expectations(episode))
    ],
)
def test_the_number_to_expect_is_the_recorded_one_and_the_sentence_says_it(
    course: Course, episode: Path, found: re.Match[str]
) -> None:
    value, scale = float(found["value"]), 100 if found["points"] else 1
    digits = len(found["value"].partition(".")[2])
    assert round(scale * measured(found["what"]), digits) == value
    assert float(found["tolerance"]) > 0
    text = episode.read_text(encoding="utf-8").replace("−", "-")
    said = rf"\*\*{re.escape(found['value'])}( %| {course.points})?\*\*"
    assert re.search(said, text), "the sentence says another number"


@every_episode
def test_an_episode_opens_the_app_where_there_is_something(course: Course, episode: Path) -> None:
    link = urlsplit(course.opens(episode))
    query = {name: values[0] for name, values in parse_qs(link.query).items()}
    if course.language != messages.ENGLISH:
        assert query.pop("lang") == course.language
        assert course.language in messages.languages()
    if link.path == "/":
        assert not query
        return
    task = registry.task(query["task"])
    assert link.path == f"/{task.info.domain}"
    assert link.path[1:] in domains.domains()
    assert query["step"] in address.STEPS
    if "sample" in query:
        assert query["sample"] in {sample.name for sample in task.samples()}
        assert query["strategy"] in set(task.info.strategies)
    if "set" in query:
        assert task.settings.parse(dict([query["set"].split(":")]))


@every_course
def test_the_course_is_seven_episodes_and_takes_as_long_as_it_says(course: Course) -> None:
    index = course.index.read_text(encoding="utf-8")
    assert [int(episode.stem.partition("-")[0]) for episode in course.episodes] == list(range(1, 8))
    minutes = [course.minutes(episode) for episode in course.episodes]
    for episode, length in zip(course.episodes, minutes, strict=True):
        title = episode.read_text(encoding="utf-8").splitlines()[0].partition(". ")[2]
        assert f"[{title}]({episode.relative_to(course.index.parent).as_posix()}) | {length} |" in index
    breaks = BREAK * index.count(course.pause.format(minutes=BREAK))
    assert breaks
    assert course.total.format(minutes=sum(minutes), with_breaks=sum(minutes) + breaks) in index


@pytest.mark.parametrize("course", COURSES[1:], ids=lambda course: course.language)
def test_a_translated_course_has_the_same_numbers_minutes_and_links(course: Course) -> None:
    english = COURSES[0]
    assert [episode.name for episode in course.episodes] == [episode.name for episode in english.episodes]
    for ours, theirs in zip(course.episodes, english.episodes, strict=True):
        assert [found.group() for found in expectations(ours)] == [found.group() for found in expectations(theirs)]
        assert course.minutes(ours) == english.minutes(theirs), ours.name
        assert links(ours) == [in_language(link, course.language) for link in links(theirs)], ours.name
    assert "(workshop/de/index.md)" in english.index.read_text(encoding="utf-8")
