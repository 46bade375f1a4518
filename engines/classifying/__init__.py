"""What every classifier's run shares, whatever it classifies: training, testing, baselines, verdict, learning curves.
A domain brings a `Domain` (how its data are read, its networks built, its model kept); nothing here knows of any."""
