"""The same task in a new domain, without labels (transductive): ways to adapt a classifier to what is there of it, the
rule that chooses one before anything is seen, and what can be known of the outcome."""
