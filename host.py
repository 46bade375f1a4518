"""Headstart for the open internet. Start it with `streamlit run host.py`, or `make host`: docs/hosting.md.

The pages are those of app.py; before them stands a gate (visitors, rates, totals, headers), beside them /api/health.
"""

import streamlit as st
from starlette.middleware import Middleware
from starlette.routing import Route

from ui.hosting import gate, health

app = st.App("app.py", middleware=[Middleware(gate.Gate)], routes=[Route("/api/health", health.health)])
