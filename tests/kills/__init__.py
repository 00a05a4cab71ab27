"""A process killed at one stage after the other: the next one finishes, nothing is lost, nothing done twice."""
