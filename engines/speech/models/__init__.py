"""The speech networks: their catalogue, Whisper, CTC, GE2E, and their file formats."""
