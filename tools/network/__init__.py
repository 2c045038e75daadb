"""Train the network of a curve's forecast (`scaling.forecast.network`) on simulated curves.

`python -m tools.network` writes scaling/forecast/network.npz again. No real curve takes part.
"""
