"""The parts of report.html, the passport of a run: its style, its drawings, its sections. Nothing in it needs a network
or a script, and everything a person typed or a file was called is escaped."""
