"""Headstart for the open internet. Start it with `streamlit run host.py`, or `make host`: docs/hosting.md.

The pages are those of app.py; before them stands a gate (visitors, rates, totals, headers), beside them /api/health.
"""

import os

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

from engines.hosting import limits
from ui.hosting import gate, health

if limits.public():
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read by whatever is started here, whichever library asks
app = st.App("app.py", middleware=[Middleware(gate.Gate)], routes=[Route("/api/health", health.health)])
