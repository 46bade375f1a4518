"""A table of sentences and their translations, to fill in."""

from __future__ import annotations

from engines.data.templates import table

EXAMPLES = (
    ("Good morning.", "Bonjour."),
    ("Where is the station?", "Où est la gare ?"),
    ("The train leaves at noon.", "Le train part à midi."),
    ("I would like a coffee.", "Je voudrais un café."),
    ("It is raining today.", "Il pleut aujourd'hui."),
    ("The shop is closed.", "Le magasin est fermé."),
    ("How much is this?", "Combien ça coûte ?"),
    ("My sister lives in Lyon.", "Ma sœur habite à Lyon."),
    ("The book is on the table.", "Le livre est sur la table."),
    ("We are coming tomorrow.", "Nous venons demain."),
    ("The window is open.", "La fenêtre est ouverte."),
    ("Thank you for your letter.", "Merci pour votre lettre."),
)


def templates() -> dict[str, bytes]:
    """By their names."""
    return {"sentences.csv": table(("source", "target"), EXAMPLES)}
