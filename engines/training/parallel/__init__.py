"""One training by several processes, each with its share of every batch: `group` is what they do together, `siblings`
starts and ends them."""
