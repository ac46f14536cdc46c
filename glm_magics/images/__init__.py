"""Images into a prompt: what a notebook holds becomes a part of a message, within the limits of the tier.

`values` takes a value apart by its type, `files` and `fetch` read what is named by a path or an address,
`svg` and `pixels` draw, `parts` puts images into messages, `fit` scales to a tier. Matplotlib, numpy and
Pillow are used where the value is of their kind, and imported nowhere else.
"""
