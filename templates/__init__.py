"""A task to copy: `templates/task` runs as it is, and the contract suite runs it. CONTRIBUTING.md says how to begin.

To change: this file stands around your task's folder, as `engines/<domain>/__init__.py`; in a domain that is there
already, it is there already.
"""

from engines.contract import DomainInfo

DOMAIN = DomainInfo("Example", ":material/show_chart:", "Tell short signals apart")
