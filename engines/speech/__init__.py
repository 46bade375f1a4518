"""Speech: one file a task, and what its tasks share: reading clips, the models that hear them, what accents cost.
Only the tasks' own methods import torch."""

from engines.contract import DomainInfo

DOMAIN = DomainInfo("Speech", ":material/mic:", "Accents, transcription, voices")
