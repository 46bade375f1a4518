"""Headstart. Start it with `streamlit run app.py`, or `make run`."""

from ui.page import language, shell

language.choose()
shell.navigation().run()
