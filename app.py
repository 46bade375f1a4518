"""Headstart. Start it with `streamlit run app.py`, or `make run`."""

from ui import shell

shell.navigation().run()
