"""What fits say about questions, with intervals from the draws: one file a group of questions.

A quantity is computed from every draw of one fit, so what is correlated stays correlated; marginal
intervals of parameters are never combined.
"""
