"""How sure a fit is: bootstraps, sandwich errors, profiles, small-sample corrections."""
