"""Answers as data: the JSON in a text, as Python values and pandas objects."""
