"""The demo's small thesaurus: words and turns of phrase that it takes for the same.

It stands in for what a model knows of meaning, so that a lesson about near-duplicates has some to find. It is
a list, and no more than that: what is not in it is as strange to the demo as it looks.
"""

from __future__ import annotations

import re

__all__ = ["EMPTY_WORDS", "folded"]

# The first of a line stands for all of it. Phrases may have several words.
_SAME = """
late|delayed|delay|overdue|too late|behind schedule|not on time|took ages
arrive|arrived|arrives|delivered|delivery|came|shipped|reached me|got here
parcel|package|shipment|packet|order
broken|defective|faulty|damaged|out of order|does not work|did not work|stopped working|dead|cracked|smashed
won't start|does not start|will not start|does not turn on|won't turn on
refund|money back|reimburse|reimbursement|repay|get my money
cancel|cancelled|cancellation|call off|terminate|stop my
invoice|bill|receipt|charge|charged|billing
expensive|overpriced|too dear|costly|pricey|costs too much|price is too high
cheap|inexpensive|low priced|affordable|bargain
good|great|excellent|wonderful|superb|fantastic|lovely|amazing|very nice
bad|terrible|awful|horrible|poor|dreadful|very bad
friendly|kind|polite|nice|helpful|courteous
rude|unfriendly|impolite|unkind
staff|employee|employees|waiter|waiters|service|support|team|agent
fast|quick|quickly|rapid|speedy|swift|prompt
slow|slowly|sluggish|takes forever
laptop|notebook computer|notebook pc|portable computer
phone|smartphone|mobile|mobile phone|cell phone|handset
tv|television|telly
headphones|earphones|headset|earbuds
fridge|refrigerator
sofa|couch|settee
bicycle|bike
car|automobile|vehicle
password|passcode|login code
login|log in|sign in|log on|logon
app|application|program|software
crash|crashes|crashed|freezes|froze|hangs|shuts down|quits
screen|display|monitor
battery|accumulator|power cell
charger|power adapter|power supply|charging cable
wireless|cordless|bluetooth
big|large|huge
small|little|tiny|compact
food|meal|dish|dishes
cold|chilly|lukewarm|not warm
hotel|inn|guesthouse
room|bedroom
noisy|loud|noise
dirty|filthy|not clean|unclean
start|begin|switch on|power on
buy|bought|purchase|purchased
return|send back|give back|bring back|returned
company|corporation|corp|incorporated|inc|limited|ltd|llc|gmbh|co
international|intl
street|st|str
road|rd
university|univ
退款|退钱|还钱
坏|损坏|故障|破损
快递|包裹|物流
慢|迟|晚到
"""
_EMPTY = """
    a an the in of to for from with that which it its is are was were be been this these those and or i we you
    my me our your he she they them at on by as so very really just still again please there have has had do
    did does will would can could but not too also now after before when then than up out
"""
EMPTY_WORDS = frozenset(_EMPTY.split())

_FORMS = {form: line.split("|")[0] for line in _SAME.split("\n") if line for form in line.split("|")}


def _pattern() -> re.Pattern[str]:
    longest_first = sorted(_FORMS, key=len, reverse=True)
    return re.compile(
        "|".join(rf"\b{re.escape(form)}\b" if form.isascii() else re.escape(form) for form in longest_first)
    )


_ANY = _pattern()


def folded(text: str) -> str:
    """The text in small letters, with the first of its line in the place of each word of the list."""
    return _ANY.sub(lambda found: _FORMS[found[0]], text.lower().replace("’", "'"))
