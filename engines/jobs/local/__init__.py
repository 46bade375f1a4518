"""The queue on this machine: a database that orders runs, a dispatcher that starts workers."""
