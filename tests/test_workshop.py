"""The course: what an episode tells people to expect is what was recorded, and what it opens is there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from engines import paths, registry
from engines.contract import Result
from engines.reporting import comparisons
from engines.runs import RunFolder
from ui.page import address, domains

COURSE = paths.PROJECT / "docs" / "workshop"
INDEX = (COURSE.with_suffix(".md")).read_text(encoding="utf-8")
EPISODES = sorted(COURSE.glob("[1-9]-*.md"))
EXPECTED = re.compile(
    r"<!-- expect: (?P<what>.+?) = (?P<value>[-\d.]+)(?P<points> points)? ± (?P<tolerance>[\d.]+) -->"
)
PARTS = ("Question", "Objective", "Minutes", "Opens at")
SECTIONS = ("Exercise", "The number to expect", "For the instructor")
BREAK = 15  # minutes


def told(episode: Path, part: str) -> str:
    found = re.search(rf"^\*\*{part}\*\*: (.+)$", episode.read_text(encoding="utf-8"), re.MULTILINE)
    assert found, f"{episode.name} does not say its {part.lower()}"
    return found.group(1).strip("`")


def expectations() -> list[tuple[Path, re.Match[str]]]:
    return [(each, found) for each in EPISODES for found in EXPECTED.finditer(each.read_text(encoding="utf-8"))]


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


@pytest.mark.parametrize("episode", EPISODES, ids=lambda episode: episode.stem)
def test_an_episode_has_all_that_an_instructor_needs(episode: Path) -> None:
    text = episode.read_text(encoding="utf-8")
    assert all(told(episode, part) for part in PARTS)
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == list(SECTIONS)
    assert EXPECTED.search(text), "no number to expect"


@pytest.mark.parametrize(("episode", "found"), expectations(), ids=lambda part: getattr(part, "stem", ""))
def test_the_number_to_expect_is_the_recorded_one_and_the_sentence_says_it(episode: Path, found: re.Match[str]) -> None:
    value, scale = float(found["value"]), 100 if found["points"] else 1
    digits = len(found["value"].partition(".")[2])
    assert round(scale * measured(found["what"]), digits) == value
    assert float(found["tolerance"]) > 0
    text = episode.read_text(encoding="utf-8").replace("−", "-")
    assert re.search(rf"\*\*{re.escape(found['value'])}( %| points)?\*\*", text), "the sentence says another number"


@pytest.mark.parametrize("episode", EPISODES, ids=lambda episode: episode.stem)
def test_an_episode_opens_the_app_where_there_is_something(episode: Path) -> None:
    link = urlsplit(told(episode, "Opens at"))
    query = {name: values[0] for name, values in parse_qs(link.query).items()}
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


def test_the_course_is_seven_episodes_and_takes_as_long_as_it_says() -> None:
    assert [int(episode.stem.partition("-")[0]) for episode in EPISODES] == list(range(1, 8))
    minutes = [int(told(episode, "Minutes")) for episode in EPISODES]
    for episode, length in zip(EPISODES, minutes, strict=True):
        assert f"(workshop/{episode.name}) | {length} |" in INDEX
    breaks = BREAK * INDEX.count(f"a break of {BREAK} minutes |")
    assert f"{sum(minutes)} minutes, {sum(minutes) + breaks} with the breaks" in INDEX
