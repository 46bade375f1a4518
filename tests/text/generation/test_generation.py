"""The task text.generation beyond the contract: what is learnt from, what is measured, and how it chats."""

from __future__ import annotations

import json
import math
import weakref
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from engines import lifecycle
from engines.contract import InputError, Recipe, Strategy
from engines.data.tables import read_table
from engines.evidence import bootstrap
from engines.evidence.scores import Sums
from engines.evidence.verdict import judge
from engines.jobs.serving import handlers
from engines.runs import RunFolder
from engines.text.generation import predict
from engines.text.generation.perplexity import answer_losses, perplexity
from engines.text.generation.prepare import WAY
from engines.text.generation.task import Generation
from engines.text.generative import conversations, encoding, model_files, networks
from engines.text.generative.examples import Sequence, Sequences
from engines.text.generative.prepare import prepare
from engines.text.generative.settings import GenerationSettings
from engines.text.pair_columns import guess_conversations
from engines.text.table_reading import PartTable
from engines.training.devices import accelerator
from engines.training.examples import batches
from tests import tiny_text, tiny_writers

EXACT = GenerationSettings(device="cpu", mixed_precision="no")


@pytest.fixture(scope="module", autouse=True)
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A tiny GPT-2 and a tiny Llama where HEADSTART_MODELS is looked in; one thread."""
    folder, threads = tmp_path_factory.mktemp("models"), torch.get_num_threads()
    tiny_text.write_gpt(folder)
    tiny_text.write_llama(folder)
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HEADSTART_MODELS", str(folder))
        patch.setenv("HEADSTART_HOME", str(tmp_path_factory.mktemp("home")))
        yield folder
    torch.set_num_threads(threads)


@pytest.fixture(scope="module")
def tuned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run with adapters, after so few steps that it writes otherwise than its base model."""
    data = tiny_writers.write_chats(tmp_path_factory.mktemp("data"))
    recipe = Recipe(
        "text.generation", str(data), "tiny-gpt", Strategy.LORA, settings={"epochs": 8, "learning_rate": 0.02}
    )
    run = RunFolder.create(recipe, tmp_path_factory.mktemp("run") / "run")
    run.write("result.json", lifecycle.fit(Generation(), recipe, run).to_json())
    return run.path


def tokenizer_of(models: Path, name: str = "tiny-gpt") -> Any:
    return networks.tokenizer(models / name)


# --- what is learnt from --------------------------------------------------------------------------


def test_the_loss_looks_at_the_answers_alone(models: Path) -> None:
    tokenizer = tokenizer_of(models)
    turns = (("user", "Hi"), ("assistant", "Yes?"), ("user", "Bye"), ("assistant", "So long"))
    found = encoding.conversation(tokenizer, conversations.Written("line 1", "Hi", "So long", turns), 1000)
    whole = "User: Hi\nAssistant: Yes?<|endoftext|>\nUser: Bye\nAssistant: So long<|endoftext|>"
    assert tokenizer.decode(found.ids) == whole
    asked = [token for token, is_asked in zip(found.ids, found.asked, strict=True) if is_asked]
    assert tokenizer.decode(asked) == " Yes?<|endoftext|> So long<|endoftext|>", "stopping is learnt, questions are not"


def test_the_model_reads_a_question_as_it_learnt_to(models: Path) -> None:
    tokenizer, config = tokenizer_of(models), networks.config(models / "tiny-gpt")
    written = conversations.Written("line 1", "Hi", "Yes?", (("user", "Hi"), ("assistant", "Yes?")))
    learnt = encoding.conversation(tokenizer, written, 1000)
    first = learnt.asked.index(True)
    assert encoding.prompt(tokenizer, config, written, EXACT, room=10) == learnt.ids[:first]


def test_a_long_conversation_keeps_its_end_and_says_so(models: Path) -> None:
    tokenizer = tokenizer_of(models)
    written = conversations.Written("line 1", "Hi", "Yes?", (("user", "far too long " * 9), ("assistant", "Yes?")))
    found = encoding.conversation(tokenizer, written, 9)
    assert (len(found.ids), found.cut, found.asked[0]) == (9, True, False)
    assert tokenizer.decode(found.ids).endswith("Yes?<|endoftext|>")


def test_inputs_and_targets_are_one_token_apart() -> None:
    examples = Sequences([Sequence([5, 6, 7, 8], [False, False, True, True]), Sequence([1, 2], [False, True])], "two")
    batch = examples.plain(torch.tensor([0, 1]))
    assert batch.values.tolist() == [[5, 6, 7], [1, 0, 0]]
    assert batch.mask.tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch.asked.tolist() == [[False, True, True], [True, False, False]]
    assert examples.targets(torch.tensor([0, 1])).tolist() == [7, 8, 2]
    assert examples.weight(torch.tensor([0, 1])) == 3.0
    assert examples.subset(torch.tensor([1])).targets(torch.tensor([0])).tolist() == [2]


def test_batches_hold_conversations_of_like_length() -> None:
    lengths = [3, 30, 4, 29, 5, 28]
    examples = Sequences([Sequence([1] * n, [False] + [True] * (n - 1)) for n in lengths], "six")
    drawn = batches(examples, 3, torch.Generator().manual_seed(0))
    assert sorted(sorted(lengths[i] for i in group.tolist()) for group in drawn) == [[3, 4, 5], [28, 29, 30]]


# --- conversations out of tables ------------------------------------------------------------------


@pytest.mark.parametrize(
    "cell",
    [
        '[{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]',
        '{"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yes?"}]}',
        '[{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes?"}, {"from": "human", "value": "Well"}]',
        '[{"role": "user", "content": [{"type": "text", "text": "Hi"}]}, {"role": "assistant", "content": "Yes?"}]',
    ],
)
def test_the_usual_ways_to_write_a_chat_down(cell: str) -> None:
    assert conversations.parsed(cell) == [("user", "Hi"), ("assistant", "Yes?")]


@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("", "is empty"),
        ("hello", "is no chat in JSON"),
        ("[]", "is no list of messages"),
        ('["Hi"]', "has a message that is no object with role and content"),
        ('[{"role": "user", "content": "Hi"}]', "has no answer in it"),
        ('[{"role": "assistant", "content": "Hi"}]', "has no question in it"),
        (
            '[{"role": "pirate", "content": "Arr"}]',
            "has a message of role 'pirate', known are system, user and assistant",
        ),
        ('[{"role": "user", "content": ""}]', "has a message without content"),
    ],
)
def test_what_is_no_chat_is_said_in_words(cell: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{reason}$"):
        conversations.parsed(cell)


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["role", "content", "from", "value", "messages", "x"]), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(st.one_of(st.text(max_size=60), JSON.map(lambda value: json.dumps(value))))
def test_any_cell_is_a_chat_or_a_sentence_about_it(cell: str) -> None:
    try:
        messages = conversations.parsed(cell)
    except ValueError as error:
        reason: str | None = str(error)
    else:
        reason = None
        assert messages[-1][0] == "assistant"
        assert all(role in {"system", "user", "assistant"} and content.strip() for role, content in messages)
    assert reason is None or 5 < len(reason) < 120


def test_bad_rows_are_left_out_and_named(tmp_path: Path) -> None:
    lines = [
        '{"prompt": "Hi", "response": "Yes?"}',
        '{"prompt": "", "response": "What?"}',
        '{"prompt": "Hm"}',
        '{"prompt": "Bye", "response": "So long"}',
    ]
    (tmp_path / "chats.jsonl").write_text("\n".join(lines), encoding="utf-8")
    part = PartTable(read_table(tmp_path / "chats.jsonl"), "chats.jsonl")
    found, skipped = conversations.of_rows(part, guess_conversations(part.table), "Be kind.")
    assert [one.messages for one in found] == [
        (("system", "Be kind."), ("user", "Hi"), ("assistant", "Yes?")),
        (("system", "Be kind."), ("user", "Bye"), ("assistant", "So long")),
    ]
    assert [(each.where, each.reason) for each in skipped] == [
        ("line 2", "has nothing in column 'prompt'"),
        ("line 3", "has nothing in column 'response'"),
    ]


def test_the_same_question_never_is_in_training_and_test(tmp_path: Path) -> None:
    rows = [json.dumps({"prompt": f"What is {n % 9}?", "response": f"Number {n}."}) for n in range(36)]
    (tmp_path / "chats.jsonl").write_text("\n".join(rows), encoding="utf-8")
    recipe = Recipe("text.generation", str(tmp_path / "chats.jsonl"), "tiny-gpt", Strategy.LORA)
    prepared = prepare(WAY, recipe, GenerationSettings())
    asked = {part: {one.question for one in prepared.examples(part)} for part in prepared.parts}
    assert all(asked.values())
    assert asked["train"] & asked["test"] == asked["train"] & asked["validation"] == set()
    tested = json.dumps({"prompt": "what is 3", "response": "Three."})
    (tmp_path / "test.jsonl").write_text(tested, encoding="utf-8")
    recipe = Recipe(recipe.task, recipe.data, recipe.model, recipe.strategy, test=str(tmp_path / "test.jsonl"))
    prepared = prepare(WAY, recipe, GenerationSettings())
    assert [one.name for one in prepared.examples("test")] == ["test line 1"]
    assert "What is 3?" not in {one.question for one in prepared.examples("train")}
    assert "4 examples ask the same as one in the test data: left out of training." in prepared.found.notes


# --- networks -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["tiny-gpt", "tiny-llama"])
def test_the_stages_add_up_and_only_what_is_asked_is_answered(name: str) -> None:
    card = Generation().describe(name)
    network = networks.build(card, pretrained=True, seed=0)
    assert [stage.name for stage in network.stages] == ["words", "block 1", "block 2"]
    assert [stage.parameters for stage in card.stages] == [
        sum(p.numel() for p in s.parameters()) for s in network.stages
    ]
    assert sum(stage.parameters for stage in card.stages) == card.parameters == card.trainable(Strategy.FULL, 1, 0)
    examples = Sequences([Sequence([1, 2, 3, 4], [False, False, True, True]), Sequence([3, 1], [False, True])], "two")
    batch = examples.plain(torch.arange(2))
    network.eval()
    with torch.no_grad():
        ours = network(batch)
        theirs = network.model(input_ids=batch.values, attention_mask=batch.mask).logits
    torch.testing.assert_close(ours, torch.stack([theirs[0, 1], theirs[0, 2], theirs[1, 0]]), atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy.PARTIAL, lambda card: card.stages[-1].parameters),
        (Strategy.FULL, lambda card: card.parameters),
        (Strategy.SCRATCH, lambda card: card.parameters),
    ],
)
def test_what_learns_is_what_the_card_says(strategy: Strategy, expected: Any) -> None:
    card = Generation().describe("tiny-llama")
    network = networks.build(card, pretrained=True, seed=0)
    networks.apply(network, strategy, GenerationSettings(blocks=1))
    learning = sum(p.numel() for p in network.trainable().values())
    assert learning == expected(card) == card.trainable(strategy, 1, 0)


@pytest.mark.parametrize("name", ["tiny-gpt", "tiny-llama"])
def test_adapters_stand_beside_the_blocks_and_not_the_words(name: str) -> None:
    network = networks.build(Generation().describe(name), pretrained=True, seed=0)
    networks.apply(network, Strategy.LORA, GenerationSettings(lora_rank=2))
    names = set(network.trainable())
    assert names
    assert all("lora_" in name and not name.startswith(("lm_head", "model.embed", "transformer.wt")) for name in names)


def test_perplexity_of_a_model_that_knows_nothing_is_the_vocabulary() -> None:
    network = networks.build(Generation().describe("tiny-llama"), pretrained=True, seed=0)
    torch.nn.init.zeros_(network.model.get_input_embeddings().weight)
    examples = Sequences([Sequence([1, 2, 3], [False, True, True]), Sequence([4, 1], [False, True])], "two")
    losses = answer_losses(network, examples, accelerator(EXACT))
    assert losses[:, 1].tolist() == [2.0, 1.0]
    assert perplexity(losses.sum(0)) == pytest.approx(network.model.config.vocab_size, rel=1e-4)


def test_perplexity_is_transformers_own_loss() -> None:
    network = networks.build(Generation().describe("tiny-gpt"), pretrained=True, seed=0)
    ids = [7, 1, 4, 2, 9, 9]
    examples = Sequences([Sequence(ids, [False] + [True] * 5)], "one")
    losses = answer_losses(network, examples, accelerator(EXACT))
    with torch.no_grad():
        theirs = network.model(input_ids=torch.tensor([ids]), labels=torch.tensor([ids])).loss
    assert losses[0, 0] / losses[0, 1] == pytest.approx(float(theirs), rel=1e-5)


# --- what is measured -----------------------------------------------------------------------------


def test_the_interval_is_over_conversations_and_paired() -> None:
    rng = np.random.default_rng(1)
    tokens = rng.integers(5, 30, 80).astype(float)
    hard = rng.gamma(4, 0.8, 80)  # conversations differ far more than the two models do
    theirs, ours = np.stack([hard * tokens, tokens], 1), np.stack([(hard - 0.05) * tokens, tokens], 1)
    alone, apart = bootstrap.estimate(ours, perplexity), Sums([ours], perplexity).minus(Sums([theirs], perplexity))
    assert alone.value == pytest.approx(math.exp(ours[:, 0].sum() / tokens.sum()))
    assert alone.low < alone.value < alone.high
    assert apart.value == pytest.approx(perplexity(ours.sum(0)) - perplexity(theirs.sum(0)))
    assert apart.high - apart.low < (alone.high - alone.low) / 5
    assert judge(apart, "zero_shot", higher_is_better=False).side == "better", "lower is better"
    assert judge(apart, "zero_shot", higher_is_better=True).side == "worse"
    same = Sums([ours], perplexity)
    assert judge(same.minus(same), "x", higher_is_better=True).side == "unclear"


def test_one_seed_repeats_the_interval_and_seeds_widen_it() -> None:
    rng = np.random.default_rng(2)
    statistics = np.stack([rng.gamma(4, 2, 40), np.full(40, 4.0)], 1)
    assert bootstrap.estimate(statistics, perplexity) == bootstrap.estimate(statistics, perplexity)
    alone = Sums([statistics], perplexity).estimate()
    both = Sums([statistics, statistics * [1.2, 1]], perplexity).estimate()
    assert (both.seeds, alone.seeds) == (2, 1)
    assert both.high - both.low > alone.high - alone.low


def test_a_run_says_what_it_gained_and_what_it_forgot(tuned: Path) -> None:
    result = RunFolder(tuned).result
    assert result is not None
    assert result.value < result.baselines["zero_shot"] < result.baselines["uniform"] * 2
    assert result.verdict is not None
    assert (result.verdict.against, result.verdict.side) == ("zero_shot", "better")
    assert result.verdict.difference.value == pytest.approx(result.value - result.baselines["zero_shot"])
    forgot = result.details["forgetting"]
    assert forgot["difference"]["value"] == pytest.approx(forgot["after"]["value"] - forgot["before"]["value"])
    assert forgot["before"]["n"] == 12


def test_two_language_models_are_never_in_memory_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built: list[weakref.ref[Any]] = []
    build = networks.build

    def counted(*given: Any, **more: Any) -> Any:
        assert [network for network in built if network() is not None] == []
        network = build(*given, **more)
        built.append(weakref.ref(network.model))
        return network

    monkeypatch.setattr(networks, "build", counted)
    settings = {"epochs": 1, "baseline": "scratch", "forgetting": False}
    data = tiny_writers.write_chats(tmp_path)
    recipe = Recipe("text.generation", str(data), "tiny-gpt", Strategy.LORA, settings=settings)
    lifecycle.fit(Generation(), recipe, RunFolder.create(recipe, tmp_path / "run"))
    assert len(built) == 3, "as it came, tuned, from scratch"


def test_a_conversation_weighs_as_much_as_another_and_goes_with_its_like(tmp_path: Path) -> None:
    rows = [json.dumps({"prompt": f"What is {n % 9}?", "response": f"Number {n}."}) for n in range(36)]
    (tmp_path / "chats.jsonl").write_text("\n".join(rows), encoding="utf-8")
    recipe = Recipe("text.generation", str(tmp_path / "chats.jsonl"), "tiny-gpt", Strategy.LORA)
    study = Generation().open(recipe, RunFolder.create(recipe, tmp_path / "run"))
    items = study.items()
    assert items.weights.tolist() == [1.0] * len(items.groups)
    assert set(items.strata.tolist()) == {0}
    assert len(set(items.groups.tolist())) == len(items.groups) / 4, "each question is asked four times"
    assert study.features("test") is None
    assert (study.budgets.low, study.budgets.unit) == (2, "conversations")


# --- the chat -------------------------------------------------------------------------------------


def test_the_answer_comes_in_pieces_and_is_what_the_model_writes(tuned: Path) -> None:
    bot = predict.load(Generation(), tuned)
    messages = [{"role": "user", "content": "What is 2 and 3?"}]
    pieces = list(bot.answer(messages, most=20))
    written = model_files.written(
        bot.model, bot.loaded.tokenizer, [bot.prompt("What is 2 and 3?", 20)], bot.loaded.device, most=[20]
    )
    assert "".join(pieces).strip() == bot.loaded.tokenizer.decode(written[0], skip_special_tokens=True).strip()


def test_the_base_model_answers_beside_the_tuned_one(tuned: Path) -> None:
    bot = predict.load(Generation(), tuned)
    messages = [{"role": "user", "content": "What is 2 and 3?"}]
    said = {who: "".join(bot.answer(messages, who=who, most=20)) for who in ("tuned", "base", "tuned")}  # type: ignore[arg-type]
    plain = networks.build(Generation().describe("tiny-gpt"), pretrained=True, seed=0).model
    base = model_files.write(
        plain, bot.loaded.tokenizer, [bot.prompt("What is 2 and 3?", 20)], bot.loaded.device, most=[20]
    )[0]
    assert said["base"].strip() == base
    assert said["tuned"] != said["base"]


def test_a_temperature_draws_by_its_seed(tuned: Path) -> None:
    bot = predict.load(Generation(), tuned)
    messages = [{"role": "user", "content": "Hi"}]
    one, again, other = ("".join(bot.answer(messages, most=24, temperature=1.5, seed=seed)) for seed in (1, 1, 2))
    assert one == again != other


def test_a_chat_can_be_stopped(tuned: Path) -> None:
    bot = predict.load(Generation(), tuned)
    bot.loaded.tokenizer.eos_token = "0"  # or it might end by itself
    asked = 0

    def stopped() -> bool:
        nonlocal asked
        asked += 1
        return asked >= 3

    list(bot.answer([{"role": "user", "content": "Hi"}], most=100, stopped=stopped))
    assert asked == 3, "one token more would ask once more"
    pieces = bot.answer([{"role": "user", "content": "Hi"}], most=100)
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    assert bot.one_at_a_time.acquire(timeout=30), "nothing is being written any more"


@pytest.mark.parametrize(
    ("messages", "found"),
    [
        ([], "there are none"),
        ("Hi", "there are none"),
        ([{"role": "assistant", "content": "Hi"}], "the last one asks nothing"),
        ([{"role": "user", "content": " "}], "the last one asks nothing"),
        ([{"role": "tool", "content": "x"}, {"role": "user", "content": "Hi"}], "the last one asks nothing"),
        ([{"role": "user", "content": "x" * 20_001}], "1 messages with 20,001 characters"),
        ([{"role": "user", "content": "x"}] * 101, "101 messages with 101 characters"),
    ],
)
def test_messages_that_are_none(messages: Any, found: str) -> None:
    with pytest.raises(InputError) as caught:
        predict.checked(messages)
    assert caught.value.problems[0].found == found


def test_the_warm_server_streams(tuned: Path) -> None:
    pieces: list[str] = []
    progress = SimpleNamespace(piece=pieces.append)
    question = {"verb": "chat", "run": str(tuned), "messages": [{"role": "user", "content": "Hi"}], "most": 12}
    answer = handlers.answer(question, handlers.LoadedModels(), progress)  # type: ignore[arg-type]
    assert answer["text"] == "".join(pieces) != ""


def test_a_prompt_leaves_room_for_the_answer(models: Path) -> None:
    config, tokenizer = networks.config(models / "tiny-gpt"), tokenizer_of(models)
    written = conversations.Written("chat", "", "", (("user", "so long " * 200), ("assistant", "")))
    ids = encoding.prompt(tokenizer, config, written, GenerationSettings(), room=30)
    assert len(ids) == config.n_positions - 30


def test_a_model_that_is_not_of_this_kind(models: Path) -> None:
    tiny_text.write_bert(models)
    (models / "broken").mkdir(exist_ok=True)
    (models / "broken" / "config.json").write_text('{"model_type": "no-such-thing"}', encoding="utf-8")
    for name in ("tiny-bert", "broken", "../escape", "a/b/c"):
        with pytest.raises(InputError, match=f"^model {name}: "):
            Generation().describe(name)


def test_only_the_question_is_explained(tuned: Path, tmp_path: Path) -> None:
    (tmp_path / "new.csv").write_text("prompt\nWhat is 2?\n", encoding="utf-8")
    (row,) = Generation().explain(tuned, tmp_path / "new.csv", tmp_path)
    assert "".join(row["tokens"]).split() == ["What", "is", "2?"]
    assert len(row["scores"]) == len(row["tokens"])
    assert any(row["scores"])
    assert row["completeness_error"] < 0.05
    with pytest.raises(InputError, match=r"^example line 99: it was not tested on"):
        Generation().explain(tuned, tmp_path / "new.csv", tmp_path, example="line 99")
    with pytest.raises(InputError, match=r"^method: found 'magic'"):
        Generation().explain(tuned, tmp_path / "new.csv", tmp_path, method="magic")
