"""Forecasts, fits and runs as one report model, and that model as HTML, Markdown and JSON.

``read`` opens the stage outputs, ``model`` makes the report from them (pure), ``figures`` draws,
``render`` writes text. No number is computed in a template.
"""
