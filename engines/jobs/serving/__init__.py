"""The warm server: short questions of the pages, answered by a process that keeps models loaded."""
