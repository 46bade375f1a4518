"""The words every part of Headstart shares: plain dataclasses, and the `Task` and `Study` that a domain fills in.

Nothing here imports torch, so the page's process, the queue and the command line can all hold these values.
"""

from engines.contract.cards import Block, Catalogue, ModelCard, Network, Stage
from engines.contract.data import DataReport, Progress, ReadAs, Sample, Skipped, no_such_sample
from engines.contract.errors import Cancelled, InputError, Problem
from engines.contract.events import Event, Json, Run, State
from engines.contract.info import BALANCED_ACCURACY, DomainInfo, Metric, TaskInfo, Words
from engines.contract.job import Job, Resources
from engines.contract.ranges import OneOf, Range, Tried
from engines.contract.recipe import Recipe
from engines.contract.results import Estimate, Result, Scope, Side, Verdict, Word
from engines.contract.settings import Settings, setting
from engines.contract.strategies import NETWORK, Strategy, StrategyInfo, offered
from engines.contract.study import Budgets, Features, Items, Scores, Study, Trial
from engines.contract.task import Chatty, Embedder, Predictor, Task

__all__ = [
    "BALANCED_ACCURACY",
    "NETWORK",
    "Block",
    "Budgets",
    "Cancelled",
    "Catalogue",
    "Chatty",
    "DataReport",
    "DomainInfo",
    "Embedder",
    "Estimate",
    "Event",
    "Features",
    "InputError",
    "Items",
    "Job",
    "Json",
    "Metric",
    "ModelCard",
    "Network",
    "OneOf",
    "Predictor",
    "Problem",
    "Progress",
    "Range",
    "ReadAs",
    "Recipe",
    "Resources",
    "Result",
    "Run",
    "Sample",
    "Scope",
    "Scores",
    "Settings",
    "Side",
    "Skipped",
    "Stage",
    "State",
    "Strategy",
    "StrategyInfo",
    "Study",
    "Task",
    "TaskInfo",
    "Trial",
    "Tried",
    "Verdict",
    "Word",
    "Words",
    "no_such_sample",
    "offered",
    "setting",
]
