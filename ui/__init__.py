"""The widgets that every page shares: one module a step, and what the steps are drawn with.

They know a domain only through its `Task`; they may import engines' light modules and never torch.
"""
