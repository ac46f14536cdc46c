"""What a reader sees of an answer: while it streams, and for ever after.

`choose` picks the view that fits the front end, `follow` shows a stream in it and returns the answer.
A view never changes a stream.
"""

from glm_magics.views.choose import choose
from glm_magics.views.follow import View, follow, follow_all
from glm_magics.views.words import footer, record

__all__ = ["View", "choose", "follow", "follow_all", "footer", "record"]
