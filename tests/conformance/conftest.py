"""The tours run where the SDKs are installed; elsewhere there is nothing to collect.

They are taken by the interpreter of `.sdk/`, made from requirements.txt, which does not have kedge: the
simulator is a process, and what it is made of is none of the SDKs' business.
"""

from __future__ import annotations

from importlib.util import find_spec

collect_ignore_glob = [] if find_spec("pybit") else ["*/test_*.py"]
