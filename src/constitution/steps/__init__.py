"""The verbs of the method, one a file."""
