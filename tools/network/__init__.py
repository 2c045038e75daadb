"""Train the network of a curve's forecast (`scaling.forecasting.network`) on simulated curves.

`python -m tools.network` writes scaling/forecasting/network.npz again. No real curve takes part.
"""
