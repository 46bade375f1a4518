"""What columns of texts are called in the tables that people bring; the likeliest name first, in small letters."""

TEXTS = (
    "text",
    "texts",
    "sentence",
    "review",
    "review_text",
    "reviewtext",
    "comment",
    "tweet",
    "message",
    "body",
    "content",
    "document",
    "post",
    "utterance",
    "phrase",
    "snippet",
    "description",
    "abstract",
    "headline",
    "title",
    "question",
)
SURE_TEXTS = {"text", "texts", "sentence", "review", "review_text", "tweet"}
"""Names by which a column of texts is meant, whatever stands beside it."""
LABELS = (
    "label",
    "labels",
    "class",
    "class_name",
    "category",
    "sentiment",
    "target",
    "label_text",
    "topic",
    "intent",
    "emotion",
    "polarity",
    "stars",
    "rating",
    "score",
    "type",
    "tag",
    "language",
    "genre",
)
SURE_LABELS = {"label", "labels", "class", "class_name", "target"}
"""Names by which a column of classes is meant, whatever stands beside it."""
PROMPTS = ("prompt", "question", "instruction", "user", "query", "human", "input", "request", "customer")
RESPONSES = ("response", "answer", "completion", "output", "assistant", "reply", "chosen", "bot", "agent")
CONTEXTS = ("input", "context", "passage")
"""What is read behind a question."""
SYSTEMS = ("system", "system_prompt")
CHATS = ("messages", "conversations", "conversation", "chat", "dialog", "dialogue")
LANGUAGES = (
    "en",
    "english",
    "de",
    "german",
    "deutsch",
    "fr",
    "french",
    "français",
    "es",
    "spanish",
    "it",
    "italian",
    "pt",
    "portuguese",
    "nl",
    "dutch",
    "pl",
    "polish",
    "ru",
    "russian",
    "zh",
    "chinese",
    "ja",
    "japanese",
    "ar",
    "arabic",
)
SOURCES = ("source", "src", "original", "from", "input", *LANGUAGES)
TARGETS = ("target", "tgt", "translation", "trg", "to", "output", *LANGUAGES)
