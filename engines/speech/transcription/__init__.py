"""From speech to words, adapted to an accent. A file a verb, and the nouns that only they use."""
