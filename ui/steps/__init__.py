"""The five steps that every domain walks, one file a step."""
