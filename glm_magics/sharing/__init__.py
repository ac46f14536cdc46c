"""A look through notebooks before they are shared: keys, personal data, outputs that act, size, traces.

Nothing in a file is changed or run, and no finding holds a secret: a key of the user's own is named by where
it comes from, all else by its first two characters. Rules would rather miss than cry wolf: a number counts
for a card or an identity number only where its check digit fits.
"""

from glm_magics.sharing.finding import Finding, Severity, table
from glm_magics.sharing.scan import MOST_OUTPUT_BYTES, notebooks_in, scan, scan_text

__all__ = ["MOST_OUTPUT_BYTES", "Finding", "Severity", "notebooks_in", "scan", "scan_text", "table"]
