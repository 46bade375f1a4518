"""Robots, their physics and their targets, simulated: environments, rollouts, videos."""
