"""The task text.generation: a chatbot that answers as your conversations do."""

from __future__ import annotations

from engines.contract import Metric, Strategy, TaskInfo, offered
from engines.messages import _
from engines.text.generative import catalogue
from engines.text.generative.generative_task import GenerativeTask
from engines.text.generative.settings import GenerationSettings


class Generation(GenerativeTask):
    """Causal language models of Transformers."""

    info = TaskInfo(
        name="text.generation",
        title=_("Chat"),
        unit=_("conversations"),
        metric=Metric(
            "perplexity",
            _("Perplexity"),
            _(
                "Between how many equally likely next tokens the model wavers, on average, while it reads the "
                "answers of conversations that it never saw: 1 would be certain of every one."
            ),
            higher_is_better=False,
        ),
        offers=offered(Strategy.LORA, Strategy.PARTIAL, Strategy.FULL, Strategy.ZERO_SHOT, Strategy.SCRATCH),
        usual=Strategy.LORA,
        formats=(
            _("a table (CSV, TSV, JSONL, Parquet, XLSX) with a column of questions and one of answers"),
            _("JSONL with a list of messages a line: role and content"),
        ),
        accepts=("csv", "tsv", "txt", "jsonl", "json", "parquet", "xlsx", "zip"),
        exports=("safetensors", "script"),
        default_model="smollm2-135m-instruct",
        pipeline_tag="text-generation",
        library="transformers",
        explored_as="text.sentiment",
        no_target=_("a model that writes has no classes to carry over: it learns from examples of the new domain"),
        rival="zero_shot",
        learning="loss",
        one_model=_("perplexity counts a model's own tokens, and another model has others"),
    )
    settings = GenerationSettings
    cards = catalogue.CHAT
