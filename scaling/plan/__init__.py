"""Planning: what to train for a budget."""
