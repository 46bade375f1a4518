"""Talk with a finished run's model, and with the one it came from: answers come token by token and can be stopped."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, Literal

import torch
from transformers import StoppingCriteria, TextIteratorStreamer

from engines.cancellation import in_batches
from engines.contract import InputError, Predictor, Problem, Progress, Task
from engines.messages import _
from engines.text.generative import encoding, model_files, new_inputs
from engines.text.generative.conversations import Written
from engines.text.generative.model_files import Loaded
from engines.text.unlabelled import Unlabelled
from engines.training.devices import seed_everything

keep_learnt_only = model_files.keep_learnt_only

Who = Literal["tuned", "base"]
MOST_MESSAGES = 100
MOST_CHARACTERS = 20_000
"""Of all messages together."""
MOST_NEW = 512
"""Tokens of one answer."""
MOST_NEW_IN_TABLES = 64
"""Tokens of each answer where a whole table is asked."""
AT_ONCE = 8
PATIENCE_SECONDS = 120
"""How long an answer may take to begin, or to go on."""


def load(task: Task, run: Path) -> Chatbot:
    """See `contract.Task.load`. Raises InputError when the run holds no model."""
    return Chatbot(model_files.load(task, run))


class Chatbot(Predictor):
    """A finished run's model, in memory. See `contract.Predictor`."""

    def __init__(self, loaded: Loaded):
        self.loaded, self.model = loaded, loaded.model
        self.one_at_a_time = threading.Lock()
        """Adapters are switched off for the base model's answers: nobody else may use the network meanwhile."""

    def stream(self, data: Path, progress: Progress | None = None) -> Iterator[dict[str, Any]]:
        """A row a question: {'file', 'text', 'label', 'answer'}, the last two alike, and of a table the 'column'; a bad
        row has 'error'."""
        given = self.questions(data)
        yield from given.errors
        for some in in_batches(given.texts, AT_ONCE, progress):
            prompts = [self.prompt(text) for _, text in some]
            with self.one_at_a_time:
                answers = model_files.write(
                    self.model, self.loaded.tokenizer, prompts, self.loaded.device, most=list(map(self.limit, prompts))
                )
            for (name, text), answer in zip(some, answers, strict=True):
                yield {"file": name, "text": text, "label": answer, "answer": answer} | given.reading

    def questions(self, data: Path) -> Unlabelled:
        """The questions in a table, read as those were that it learnt from."""
        return new_inputs.questions(data, self.loaded.columns)

    def prompt(self, question: str, room: int = MOST_NEW_IN_TABLES) -> list[int]:
        """A chat of one question, up to where the model is to answer, as tokens."""
        return self.prompt_of(Written("chat", question, "", self._chat(question)), room)

    def _chat(self, question: str) -> tuple[tuple[str, str], ...]:
        system = self.loaded.settings.system
        return (*((("system", system),) if system else ()), ("user", question), ("assistant", ""))

    def own(self, question: str) -> list[bool]:
        """Which tokens of `prompt(question)` are the question's; the others are the chat template's."""
        text = encoding.rendered(self.loaded.tokenizer, list(self._chat(question)[:-1]), answer_next=True)
        read = self.loaded.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        start = text.rfind(question)
        inside = [begin < start + len(question) and end > start for begin, end in read["offset_mapping"]]
        return inside[-len(self.prompt(question)) :]

    def limit(self, ids: list[int]) -> int:
        """Tokens of the answer to these, where a whole table is asked."""
        return MOST_NEW_IN_TABLES

    def prompt_of(self, written: Written, room: int) -> list[int]:
        loaded = self.loaded
        return encoding.prompt(loaded.tokenizer, loaded.model.config, written, loaded.settings, room=room)

    def answer(
        self,
        messages: list[dict[str, str]],
        *,
        who: Who = "tuned",
        most: int = 128,
        temperature: float = 0.0,
        seed: int = 0,
        stopped: Callable[[], bool] = lambda: False,
    ) -> Generator[str, None, None]:
        """The answer in pieces, as they are written. `temperature` 0 takes the likeliest token each time.

        It ends early once `stopped()` is true. Raises InputError for messages that are none, or too many.
        """
        turns = checked(messages)
        if (system := self.loaded.settings.system) and turns[0][0] != "system":
            turns = (("system", system), *turns)
        written = Written("chat", turns[-1][1], "", (*turns, ("assistant", "")))
        most = max(1, min(most, MOST_NEW))
        ids = self.prompt_of(written, most)
        streamer = TextIteratorStreamer(
            self.loaded.tokenizer, skip_prompt=True, skip_special_tokens=True, timeout=PATIENCE_SECONDS
        )
        ending = _Ending(stopped)
        failed: list[BaseException] = []

        def work() -> None:
            try:
                with self.one_at_a_time, self._as(who) as model:
                    seed_everything(seed, "chat")
                    model.generate(
                        input_ids=torch.tensor([ids], device=self.loaded.device),
                        attention_mask=torch.ones(1, len(ids), dtype=torch.int64, device=self.loaded.device),
                        max_new_tokens=most,
                        streamer=streamer,
                        use_cache=True,
                        stopping_criteria=[ending],
                        pad_token_id=self.loaded.tokenizer.pad_token_id,
                        eos_token_id=self.loaded.tokenizer.eos_token_id,
                        **_sampling(temperature),
                    )
            except BaseException as error:
                failed.append(error)
                streamer.end()

        worker = threading.Thread(target=work, daemon=True)
        worker.start()
        try:
            yield from (piece for piece in streamer if piece)
        except queue.Empty:
            found = _(
                "it has said nothing for {patience_seconds} s: others are asking it too",
                patience_seconds=PATIENCE_SECONDS,
            )
            raise InputError(Problem("model", found, _("try again in a moment"))) from None
        finally:
            ending.now = True
            worker.join()
        if failed:
            raise failed[0]

    @contextlib.contextmanager
    def _as(self, who: Who) -> Iterator[Any]:
        if who == "tuned":
            yield self.model
        elif self.loaded.network.adapters:
            with self.model.disable_adapter():
                yield self.model
        else:
            yield self.loaded.base


class _Ending(StoppingCriteria):
    """Stops between two tokens."""

    def __init__(self, stopped: Callable[[], bool]):
        self.stopped = stopped
        self.now = False

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: Any) -> torch.Tensor:
        self.now = self.now or self.stopped()
        return torch.full((len(input_ids),), self.now, dtype=torch.bool, device=input_ids.device)


def _sampling(temperature: float) -> dict[str, Any]:
    if temperature <= 0:
        return {"do_sample": False}
    return {"do_sample": True, "temperature": min(temperature, 2.0), "top_p": 0.95}


def checked(messages: list[dict[str, str]]) -> tuple[tuple[str, str], ...]:
    """(role, content) of a chat whose last message asks. Raises InputError in words."""
    accepted = _("accepted: messages with role (system, user, assistant) and content, the last one a user's")
    if not isinstance(messages, list) or not messages or not all(isinstance(each, dict) for each in messages):
        raise InputError(Problem("messages", _("there are none"), accepted))
    turns = tuple((str(each.get("role")), str(each.get("content") or "").strip()) for each in messages)
    if {role for role, _ in turns} - {"system", "user", "assistant"} or turns[-1][0] != "user" or not turns[-1][1]:
        raise InputError(Problem("messages", _("the last one asks nothing"), accepted))
    length = sum(len(content) for _, content in turns)
    if len(turns) > MOST_MESSAGES or length > MOST_CHARACTERS:
        found = _("{turns:,} messages with {length:,} characters", turns=len(turns), length=length)
        limits = _(
            "accepted: up to {most_messages} messages and {most_characters:,} characters; start a new chat",
            most_messages=MOST_MESSAGES,
            most_characters=MOST_CHARACTERS,
        )
        raise InputError(Problem("messages", found, limits))
    return turns
