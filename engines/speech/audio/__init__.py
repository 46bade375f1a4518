"""From a sound file that a stranger made to samples and spectrograms: reading, decoding once, finding speech."""
