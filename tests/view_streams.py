"""Streams that views follow in tests, by a clock that does not wait; and what a front end was told."""

import json

from glm_magics._stream import Stream
from glm_magics.chat import ChatRequest, Message


def event(content="", *, thinking="", finish=None, usage=None):
    delta = {"content": content} if content else {"reasoning_content": thinking} if thinking else {}
    body = {
        "id": "1",
        "model": "glm-4.5-air",
        "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
    }
    if usage:
        body["usage"] = usage
    return b"data: " + json.dumps(body).encode() + b"\n\n"


END = event(finish="stop", usage={"prompt_tokens": 812, "completion_tokens": 345}) + b"data: [DONE]\n\n"


class Clock:
    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


def make_stream(script, clock=None, **options):
    """A stream of `(seconds until then, bytes)`, or callables, which are called at that time."""
    clock = clock or Clock()

    def source():
        for seconds, item in script:
            clock.now += seconds
            yield item() or b"" if callable(item) else item

    request = ChatRequest(model="glm-4.5-air", messages=(Message("user", "Why?"),))
    return Stream(source(), request, threaded=False, clock=clock, **options)


def messages(received):
    return [entry[1] for entry in received if entry[0] == "message"]
