"""How times are shown: with their zone."""
