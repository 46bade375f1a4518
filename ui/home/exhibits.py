"""What can be pressed on the first page: test examples of recorded runs, and what each network answered of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from engines import registry
from engines.contract import Strategy
from engines.messages import _, _n
from engines.runs import RIVAL, RunFolder
from ui.home import curves
from ui.home.choices import Choice
from ui.kinds.meanings import Example
from ui.page import recorded, words
from ui.vision import boxed
from ui.widgets import gallery

Colour = Literal["orange", "gray", "blue"]
SHOWN = {"picture": 8, "text": 6, "sound": 6, "series": 5}
"""How many of a run's test examples are offered, taken evenly from the whole test and never by what came of them."""


@dataclass(frozen=True)
class Answer:
    """What one network said of it."""

    colour: Colour
    who: str
    said: str
    right: bool | None = None
    """None where an answer is not simply right or wrong."""


@dataclass(frozen=True)
class Item:
    """A test example."""

    choice: Choice
    answers: tuple[Answer, ...]
    truth: str = ""
    """What is in the data."""
    sound: Path | None = None
    drawing: str = ""
    """SVG of the answers, where they are curves."""
    boxes: boxed.Picture | None = None
    """The picture with what was found on it, where the answers are boxes."""


@dataclass(frozen=True)
class Exhibit:
    """A recorded run, as something to press."""

    name: str
    title: str
    question: str
    run: str
    example: Example
    """What the button trains."""
    kind: Literal["picture", "text", "sound", "series"]
    bars: Mapping[str, tuple[str, Colour]] = field(default_factory=dict)
    """The baselines that are drawn beside the run: name -> what it is called, and its colour."""


FROM_SCRATCH: Mapping[str, tuple[str, Colour]] = {"scratch": (_("from scratch"), "gray")}
AS_IT_CAME: Mapping[str, tuple[str, Colour]] = {"zero_shot": (_("as it came"), "blue")}
EXHIBITS = (
    Exhibit(
        "photographs",
        _("A photograph"),
        _("Animal, food, plant or household thing?"),
        "recorded_photographs_0",
        Example("vision.classification", "photographs", Strategy.FEATURES, ""),
        "picture",
        FROM_SCRATCH,
    ),
    Exhibit(
        "sentences",
        _("A sentence"),
        _("Does this sentence praise the film?"),
        "recorded_films_seed_00",
        Example("text.sentiment", "films", Strategy.FEATURES, ""),
        "text",
        FROM_SCRATCH,
    ),
    Exhibit(
        "voices",
        _("A voice"),
        _("Which of six (synthetic) voices speaks?"),
        "recorded_voices_seed_0",
        Example("speech.speaker", "voices", Strategy.FEATURES, ""),
        "sound",
        FROM_SCRATCH,
    ),
    Exhibit(
        "accent",
        _("An accent"),
        _("What does the (synthetic) Scottish voice say?"),
        "recorded_scottish_s_00",
        Example("speech.transcription", "scottish", Strategy.LORA, ""),
        "sound",
        AS_IT_CAME,
    ),
    Exhibit(
        "things",
        _("Things in a picture"),
        _("What lies where? The pictures are put together by a program; the network had only told whole ones apart."),
        "recorded_scenes_seed_0",
        Example("vision.detection", "scenes", Strategy.FEATURES, ""),
        "picture",
        FROM_SCRATCH,
    ),
    Exhibit(
        "series",
        _("A series"),
        _("How many people will fly in the next twelve months?"),
        "recorded_passengers_00",
        Example("forecasting.forecast", "passengers", Strategy.PARTIAL, ""),
        "series",
        {
            "zero_shot_inputs": (_("as it came, with inputs"), "blue"),
            "zero_shot": (_("as it came"), "blue"),
            "seasonal_naive": (_("last year again"), "gray"),
        },
    ),
    Exhibit(
        "handwriting",
        _("Handwriting"),
        _("Which digit is it? Here transfer loses: the network had seen photographs, and no pen stroke."),
        "recorded_digits_seed_0",
        Example("vision.classification", "digits", Strategy.FEATURES, ""),
        "picture",
        FROM_SCRATCH,
    ),
)


def here() -> list[Exhibit]:
    """Those that can be shown on this machine, the one to begin with first: a picture cannot be shown whose licence
    keeps it out of the recording, unless the sample is at hand."""
    return [one for one in EXHIBITS if one.run in recorded.ids() and not _lacks_its_pictures(one)]


def _lacks_its_pictures(exhibit: Exhibit) -> bool:
    if exhibit.kind != "picture" or (RunFolder.find(exhibit.run).path / "thumbnails").is_dir():
        return False
    return not registry.task(exhibit.example.task).has_sample(exhibit.example.sample)


def found(exhibit: Exhibit) -> recorded.Finished:
    """The recorded run of an exhibit. Raises InputError where it is not there."""
    finished = recorded.finished(RunFolder.find(exhibit.run))
    assert finished is not None
    return finished


def items(exhibit: Exhibit) -> list[Item]:
    """The test examples that are offered. Raises InputError where the run is not there."""
    run = found(exhibit)
    if exhibit.kind == "series":
        return _series(run)
    rows = sorted(recorded.rows(run.run.path / "predictions.parquet", run.finished), key=lambda row: str(row["file"]))
    if exhibit.example.task == "vision.detection":
        return [_found(run, row, number) for number, row in enumerate(spread(rows, SHOWN["picture"]), 1)]
    if exhibit.example.task == "speech.transcription":
        return [_heard(run, row, number) for number, row in enumerate(spread(rows, SHOWN["sound"]), 1)]
    rivals = {row["file"]: row["predicted"] for row in recorded.rows(run.run.path / RIVAL, run.finished)}
    asked = [row for row in rows if not rivals or row["file"] in rivals]
    show = {"picture": _pictured, "text": _written, "sound": _spoken}[exhibit.kind]
    return [
        Item(choice, _classes(row, rivals.get(row["file"])), words.plain(str(row["label"])), sound)
        for number, row in enumerate(spread(asked, SHOWN[exhibit.kind]), 1)
        for choice, sound in [show(run, row, number)]
    ]


def second_training(run: recorded.Finished) -> float | None:
    """The balanced accuracy of the network from scratch whose answers are shown, where it is not the run's: it was
    trained once more for them, on another processor."""
    rivals = {row["file"]: row["predicted"] for row in recorded.rows(run.run.path / RIVAL, run.finished)}
    right: dict[str, list[bool]] = {}
    for row in recorded.rows(run.run.path / "predictions.parquet", run.finished):
        if row["file"] in rivals:
            right.setdefault(row["label"], []).append(rivals[row["file"]] == row["label"])
    if not right:
        return None
    value = sum(sum(own) / len(own) for own in right.values()) / len(right)
    return None if abs(value - run.result.baselines["scratch"]) < SAME else value


SAME = 0.0005


def spread(rows: Sequence[dict[str, Any]], n: int) -> list[dict[str, Any]]:
    """`n` of the rows, as far apart as they can be."""
    step = max(1, len(rows) // n)
    return list(rows[step // 2 :: step])[:n]


# --- what is pressed ------------------------------------------------------------------------------


def _pictured(run: recorded.Finished, row: dict[str, Any], number: int) -> tuple[Choice, None]:
    name = _("Picture {number}", number=number)
    thumbnail = run.run.path / str(row.get("thumbnail"))
    path = thumbnail if thumbnail.is_file() else recorded.small_original(run, str(row["file"]))
    return Choice(name, picture=(path and gallery.data_uri(path)) or "", text=name), None


def _written(run: recorded.Finished, row: dict[str, Any], number: int) -> tuple[Choice, None]:  # noqa: ARG001
    return Choice(_("Sentence {number}", number=number), text=str(row["text"])), None


def _spoken(run: recorded.Finished, row: dict[str, Any], number: int) -> tuple[Choice, Path]:
    name = _("Clip {number}", number=number)
    return Choice(name, text=f"▶ {name}"), run.run.path / str(row["sound"])


# --- what was answered ----------------------------------------------------------------------------


def _classes(row: dict[str, Any], rival: str | None) -> tuple[Answer, ...]:
    own = Answer("orange", _("With transfer"), words.plain(str(row["predicted"])), row["predicted"] == row["label"])
    if rival is None:
        return (own,)
    return own, Answer("gray", _("From scratch"), words.plain(rival), rival == row["label"])


def _found(run: recorded.Finished, row: dict[str, Any], number: int) -> Item:
    """A picture with the boxes that are told, beside those that are there."""
    choice, _no_sound = _pictured(run, row, number)
    told = [one for one in json.loads(row["boxes"]) if one["score"] >= run.result.details["threshold"]["value"]]
    path = run.run.file(row.get("thumbnail")) or recorded.original(run, str(row["file"]))
    boxes = boxed.Picture(
        (path and gallery.data_uri(path)) or "",
        choice.name,
        row["width"],
        row["height"],
        boxed.compare(json.loads(row["truth"]), told),
        _("Solid blue: found. Dashed orange: missed. Dotted red: said, and not there."),
    )
    answer = Answer("orange", _("With transfer"), words.plain(str(row["predicted"])))
    return Item(choice, (answer,), words.plain(str(row["label"])), boxes=boxes)


def _heard(run: recorded.Finished, row: dict[str, Any], number: int) -> Item:
    choice, sound = _spoken(run, row, number)
    answers: tuple[Answer, ...] = tuple(
        Answer(colour, who, _("{said} ({wrong})", said=words.plain(str(row[said])), wrong=_wrong(row[errors])))
        for colour, who, said, errors in _BOTH
    )
    return Item(choice, answers, words.plain(str(row["label"])), sound)


_BOTH: tuple[tuple[Colour, str, str, str], ...] = (
    ("blue", _("As it came"), "before", "errors_before"),
    ("orange", _("With transfer"), "predicted", "errors_after"),
)


def _wrong(errors: int) -> str:
    return _n("{n} word wrong", "{n} words wrong", errors) if errors else _("every word right")


def _series(run: recorded.Finished) -> list[Item]:
    """Years that were tested, with the forecasts of each as curves."""
    rows = recorded.rows(run.run.path / "predictions.parquet", run.finished)
    history = recorded.rows(run.run.path / "history.parquet", run.finished)
    made = []
    for origin in spread([{"origin": origin} for origin in sorted({row["origin"] for row in rows})], SHOWN["series"]):
        ahead = sorted((row for row in rows if row["origin"] == origin["origin"]), key=lambda row: int(row["step"]))
        past = [float(row["y"]) for row in history if row["ds"] < origin["origin"]][-36:]
        name = _("The months from {day}", day=str(origin["origin"])[:7])
        truth = [float(row["y"]) for row in ahead]
        told: list[tuple[Colour, str, str]] = [
            ("orange", _("With transfer"), "predicted"),
            ("blue", _("As it came"), "zero_shot"),
            ("gray", _("Last year again"), "seasonal_naive"),
        ]
        forecasts = [(colour, [float(row[column]) for row in ahead]) for colour, _who, column in told]
        answers = tuple(
            Answer(colour, who, _off(forecast, truth))
            for (colour, who, _column), (_same, forecast) in zip(told, forecasts, strict=True)
        )
        choice = Choice(name, drawing=curves.past(past))
        made.append(Item(choice, answers, "", drawing=curves.answers(past, truth, forecasts, name)))
    return made


def _off(forecast: Sequence[float], truth: Sequence[float]) -> str:
    mean = sum(abs(a - b) for a, b in zip(forecast, truth, strict=True)) / len(truth)
    return _("off by {mean:.0f} thousand passengers a month, on average", mean=mean)
