"""Headstart on the open internet: who a visitor is, and how much of the host each may have."""
