"""What the demo says."""

from glm_magics.demo.ask import Ask, Draft


def compose(ask: Ask) -> Draft:
    return Draft(
        text=f"This is the demo. You said: {ask.question}", reasoning="Thinking." if ask.thinking else ""
    )
