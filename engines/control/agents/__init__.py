"""Policies and how they learn: Soft Actor-Critic, residual corrections, the pretrained sources."""
