"""The one exception that ends the demo: a sentence for a person, and where to look."""


class DemoError(Exception):
    """What went wrong in one sentence; `look` is a command that shows more."""

    def __init__(self, sentence: str, look: str = "") -> None:
        super().__init__(sentence)
        self.look = look
