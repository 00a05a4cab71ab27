"""A state machine over every service that moves money."""
