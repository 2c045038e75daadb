"""Forecasting: runs + targets -> a predictive distribution; backtests and scores."""
