"""Journeys through the real app in Chromium, with the real engine behind it."""
