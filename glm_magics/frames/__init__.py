"""pandas objects on their way into a prompt."""
