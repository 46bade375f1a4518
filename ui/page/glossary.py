"""What words mean: one plain sentence each. Every page marks them, and lists those it uses at its foot.

The browser looks through the page's own text: a word gets a dotted line where it stands first, and its sentence when it
is pointed at. Nothing of the page is changed for that (CSS Custom Highlight API; a browser without it has the list).
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from engines.messages import _, told

WORDS: Mapping[str, str] = {
    _("accuracy"): _("The share of test examples that were answered rightly."),
    _("adapters"): _("Narrow layers that learn beside frozen ones, so that few numbers have to change."),
    _("augmentation"): _(
        "Varying examples a little in each pass, such as mirroring pictures, so that less is learnt by heart."
    ),
    _("backbone"): _("All of a network but its last layer: what came with the pretrained model."),
    _("balanced accuracy"): _(
        "The share answered rightly, first for each class and then averaged: small classes count as much as large ones."
    ),
    _("baseline"): _("Something simpler that the result is held against, such as the same network from scratch."),
    _("batch"): _("A handful of examples that a network learns from in one step."),
    _("blocks"): _("The parts that a network is built of, one behind the other, from its input to its head."),
    _("calibration"): _("Making percentages honest: of answers given with 80 %, about 80 in 100 should be right."),
    _("checkpoint"): _("The state of a training, kept on disk, so that it can go on after a stop."),
    _("confusion matrix"): _("A table that counts, for each true class, what the model said instead."),
    _("cross-validation"): _(
        "Testing in turns: each part of the data is once the test, and the other parts are learnt from."
    ),
    _("domain"): _("What examples are like: photographs, drawings, a phone's microphone."),
    _("epoch"): _("One pass over all examples that are learnt from."),
    _("features"): _("The numbers by which a network describes an example before it answers."),
    _("few-shot"): _("Learning from at most ten labelled examples of each class."),
    _("fine-tuning"): _("Letting some or all of a pretrained network go on learning, on your data."),
    _("folds"): _("The parts of the data that take turns in being the test."),
    _("from scratch"): _("Beginning from random numbers, with nothing learnt before."),
    _("frozen"): _("It stays as it came and does not learn."),
    _("head"): _("The last layer, which turns what the network sees into answers. It always learns anew."),
    _("interval"): _("Where the true value probably is: a 95 % interval holds it in 95 of 100 such tests."),
    _("labels"): _("The right answers that come with examples."),
    _("learning rate"): _("How large a step is by which a network changes while it learns."),
    _("logistic regression"): _("A simple, fast way to draw lines between classes."),
    _("LoRA"): _("Low-rank adapters: narrow layers that learn beside frozen ones, so that few numbers have to change."),
    _("loss"): _("How wrong a network is, as one number. Learning makes it smaller."),
    _("MASE"): _("A forecast's mean error, divided by that of repeating the last season: below 1 is better than that."),
    _("mismatch"): _("How much your data differ from those that the network learnt from."),
    _("ONNX"): _("A file format for models that many programs can run, without PyTorch."),
    _("overfitting"): _("Learning the known examples by heart, and being no better on new ones."),
    _("parameters"): _("The numbers that a network is made of. Learning changes them."),
    _("perplexity"): _("How surprised a language model is by a text: lower is better, and 1 is no surprise at all."),
    _("policy"): _("What decides a robot's next move from what it senses."),
    _("pretrained"): _("It has already learnt another, larger task."),
    _("prototypes"): _("One typical point for each class; something new gets the class whose point is nearest."),
    _("recall"): _("Of all that truly is of a class, the share that was found."),
    _("return"): _("What a robot earns in one try, all rewards added up: higher is better."),
    _("safetensors"): _("A file format for a model's numbers that cannot hide a program."),
    _("seasonal naive"): _("The forecast that repeats the last season."),
    _("seed"): _("The number that fixes all that is drawn at random, so that a run can be repeated."),
    _("timm"): _("A library of networks for pictures."),
    _("transductive"): _("The task stays the same, and the new data have no labels."),
    _("transfer learning"): _("Starting from what a network learnt on another task, and teaching it yours."),
    _("validation"): _("Examples kept aside to decide when to stop. They are neither learnt from nor tested on."),
    _("weights"): _("The numbers that a network is made of, as a file."),
    _("word error rate"): _("Words heard wrongly, left out or made up, as a share of the words that were said."),
    _("zero-shot"): _("Answering with nothing of yours learnt from."),
}
"""In the order of the alphabet: word, as it stands in a sentence -> what it means."""
_HTML = '<details hidden><summary></summary><dl></dl></details><div class="tip" role="tooltip" hidden></div>'
_CSS = """
details { border-top: 1px solid var(--st-border-color); padding: 0.6rem 0; color: var(--st-text-color); }
details[hidden] { display: none; }
summary { cursor: pointer; font-size: 0.9rem; }
summary:focus-visible { outline: 2px solid var(--st-text-color); outline-offset: 2px; }
dl { display: grid; grid-template-columns: repeat(auto-fill, minmax(250px, 1fr)); gap: 0.5rem 1.25rem; }
dl { margin: 0.6rem 0 0; }
dt { font-weight: 600; } dd { margin: 0; font-size: 0.9rem; line-height: 1.4; }
.tip { position: fixed; z-index: 999; max-width: 280px; padding: 0.5rem 0.7rem; font-size: 0.875rem; line-height: 1.4;
  color: var(--st-background-color); background: var(--st-text-color); border-radius: 0.5rem; pointer-events: none; }
.tip[hidden] { display: none; }
"""
_JS = r"""
const SKIPPED = "script, style, textarea, input, code, pre, [data-testid=stSkeleton], [data-testid=stIconMaterial]";
const escaped = (word) => word.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
export default function (component) {
  const { data, parentElement } = component;
  const details = parentElement.querySelector("details"), tip = parentElement.querySelector(".tip");
  const words = Object.keys(data.words).sort((a, b) => b.length - a.length);
  const meant = Object.fromEntries(words.map((word) => [word.toLowerCase(), word]));
  const pattern = () => new RegExp(`(?<![\\p{L}\\p{N}-])(${words.map(escaped).join("|")})(?![\\p{L}\\p{N}-])`, "giu");
  details.querySelector("summary").textContent = data.title;
  const main = document.querySelector("[data-testid=stMain]");
  if (!main) return;
  const marks = window.Highlight && CSS.highlights ? new Highlight() : null;
  if (marks) CSS.highlights.set("glossary", marks);
  const look = () => {
    const found = new Map();
    const walker = document.createTreeWalker(main, NodeFilter.SHOW_TEXT, {
      acceptNode: (node) => node.parentElement && !node.parentElement.closest(SKIPPED)
        ? NodeFilter.FILTER_ACCEPT : NodeFilter.FILTER_REJECT,
    });
    while (walker.nextNode()) {
      for (const match of walker.currentNode.data.matchAll(pattern())) {
        const word = meant[match[0].toLowerCase()];
        if (found.has(word)) continue;
        const range = new Range();
        range.setStart(walker.currentNode, match.index);
        range.setEnd(walker.currentNode, match.index + match[0].length);
        found.set(word, range);
      }
    }
    if (marks) { marks.clear(); found.forEach((range) => marks.add(range)); }
    const shown = Object.keys(data.words).filter((word) => found.has(word));
    if (details.told !== shown.join()) {
      details.told = shown.join();
      details.querySelector("dl").replaceChildren(...shown.map((word) => {
        const entry = document.createElement("div"), term = document.createElement("dt");
        const meaning = document.createElement("dd");
        term.textContent = word; meaning.textContent = data.words[word];
        entry.append(term, meaning);
        return entry;
      }));
      details.hidden = shown.length === 0;
    }
  };
  let waiting = 0;
  const soon = () => { clearTimeout(waiting); waiting = setTimeout(look, 400); };
  const observer = new MutationObserver(soon);
  observer.observe(main, { childList: true, subtree: true, characterData: true });
  const pointed = (event) => {
    const at = document.caretPositionFromPoint ? document.caretPositionFromPoint(event.clientX, event.clientY) : null;
    const node = at && at.offsetNode;
    tip.hidden = true;
    if (!node || node.nodeType !== Node.TEXT_NODE || !main.contains(node)) return;
    if (node.parentElement.closest(SKIPPED)) return;
    for (const match of node.data.matchAll(pattern())) {
      if (match.index > at.offset || at.offset > match.index + match[0].length) continue;
      const range = new Range();
      range.setStart(node, match.index);
      range.setEnd(node, match.index + match[0].length);
      const box = [...range.getClientRects()].find((r) => event.clientX >= r.left - 2 && event.clientX <= r.right + 2
        && event.clientY >= r.top - 2 && event.clientY <= r.bottom + 2);
      if (!box) return;
      tip.textContent = data.words[meant[match[0].toLowerCase()]];
      tip.hidden = false;
      tip.style.left = `${Math.max(8, Math.min(box.left, window.innerWidth - 296))}px`;
      const room = box.bottom + 70 <= window.innerHeight;
      tip.style.top = `${room ? box.bottom + 6 : box.top - 8 - tip.offsetHeight}px`;
      return;
    }
  };
  const closed = (event) => { if (event.key === "Escape") tip.hidden = true; };
  const scrolled = () => { tip.hidden = true; };
  main.addEventListener("mousemove", pointed, { passive: true });
  main.addEventListener("scroll", scrolled, { passive: true });
  document.addEventListener("keydown", closed);
  soon();
  return () => {
    clearTimeout(waiting);
    observer.disconnect();
    main.removeEventListener("mousemove", pointed);
    main.removeEventListener("scroll", scrolled);
    document.removeEventListener("keydown", closed);
  };
}
"""


@functools.cache
def _component() -> Callable[..., Any]:
    return st.components.v2.component("headstart.glossary", html=_HTML, css=_CSS, js=_JS)


def on_this_page() -> None:
    """At the foot of a page: its words, marked where they stand and listed with what they mean."""
    words = {str(word): str(meaning) for word, meaning in _told()}
    _component()(key="glossary", data={"words": words, "title": _("The words on this page, explained")})


def all_of_them() -> None:
    """Every word with its sentence."""
    st.markdown("\n".join(f"- **{word}**: {meaning}" for word, meaning in _told()))


def _told() -> list[tuple[str, str]]:
    return [told(pair) for pair in WORDS.items()]
