"""What every page shows, through Streamlit's own test runner: no browser, no training."""
