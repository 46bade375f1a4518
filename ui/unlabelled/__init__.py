"""The page "Look through": data that nobody has labelled, on a map, in groups, one by one until they have labels."""
