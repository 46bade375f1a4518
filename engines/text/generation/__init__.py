"""Answers from conversations: the task, its chat, its perplexity on general text."""
