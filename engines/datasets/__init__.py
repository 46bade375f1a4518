"""Data sets that are made in the app: captured, named or labelled here. Each is a folder of events with an id that is
its key, like a run."""
