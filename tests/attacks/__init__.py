"""What a stranger may try on a public host, each a test; docs/hosting_asvs.md says which holds what."""
