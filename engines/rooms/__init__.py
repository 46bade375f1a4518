"""A room: people who learn together on one host, and somebody who teaches them. A code opens it, a token runs it."""
