"""Vision: one file a task, and what its tasks share: reading pictures, finding them in people's data, samples.
Only the tasks' own methods import torch."""

from engines.contract import DomainInfo

DOMAIN = DomainInfo("Vision", ":material/image:", "Tell photographs apart")
