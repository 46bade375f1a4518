"""The page of any domain that has no file of its own here: the five steps as every task walks them."""

import streamlit as st

from ui import workbench
from ui.page import shell

workbench.page(st.session_state[shell.SHOWN])
