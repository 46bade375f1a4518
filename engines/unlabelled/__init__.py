"""Data without labels: placed on a map by what a frozen network sees, grouped, searched for odd ones and copies, and
put in the order in which labels are worth most. What a task adds is `look_through` in embed.py of its folder: how its
data become vectors."""
