"""How many messages and bytes an answer sends to the page, whatever it is made of.

Seconds are for `tests/benchmarks/`; messages and bytes do not depend on how busy the machine is, or only
for the better.
"""

import time

import pytest

from . import lab

pytestmark = pytest.mark.browser

SETUP = """
%load_ext glm_magics
import scripted
scripted.connect()
TEXTS = {
    'prose': scripted.PROSE * 28,
    'code': '```python\\n' + ''.join(f'value_{i:03} = {i}\\n' for i in range(500)) + '```\\n',
    'table': '| n | square |\\n|---|---:|\\n' + ''.join(f'| {i} | a value of {i * i} |\\n' for i in range(300)),
}
def say(kind):
    scripted.say(TEXTS[kind][:8_000], pause=0.0025)  # 2,000 pieces in 5 seconds
"""


@pytest.fixture(scope="module")
def page(server, chromium):
    with lab.notebook(
        server, chromium, [SETUP, "say('prose')", "say('code')", "say('table')", "%%glm\nx"]
    ) as page:
        page.run(0)
        yield page


@pytest.mark.parametrize(("kind", "cell"), [("prose", 1), ("code", 2), ("table", 3)])
def test_two_thousand_pieces_make_at_most_twenty_messages_a_second_and_few_bytes(page, kind, cell):
    frames = []
    session = page.page.context.new_cdp_session(page.page)
    session.send("Network.enable")
    session.on("Network.webSocketFrameReceived", lambda event: frames.append(size(event["response"])))
    page.run(cell)
    frames.clear()
    began = time.monotonic()
    page.run(4)
    seconds = time.monotonic() - began
    page.settle()
    session.detach()
    others = 25  # about the cell itself, the widget's beginning and end, the notebook's own
    assert len(frames) <= 20 * seconds + others
    # The answer has 8 kB, highlighted code eight times that. Each message has about 0.7 kB around it, the
    # widget's program 31 kB, the static output 10 to 20 kB.
    assert sum(frames) <= 700 * 20 * seconds + 8_000 * 8 + 60_000


def size(frame):
    """Bytes of a frame; binary ones are reported in base64."""
    data = frame["payloadData"]
    return len(data) * 3 // 4 if frame["opcode"] == 2 else len(data.encode())
