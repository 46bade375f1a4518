"""From a file that a stranger made to pixels that a network takes: reading, decoding once, resizing, varying."""
