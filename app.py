"""Headstart. Start it with `streamlit run app.py`, or `make run`."""

from ui.page import shell

shell.navigation().run()
