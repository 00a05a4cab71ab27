"""The house: settings, wiring, and the leaf modules every app may use."""
