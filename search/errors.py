"""The one error a user sees: a sentence that says what is wrong, where, and what to do."""


class UserError(Exception):
    """A mistake of the user or of the world around the search, told in one sentence; ends with exit status 2."""


class CutOffError(Exception):
    """A search that ends before it is done, for a reason beyond it, and can be resumed."""

    def __init__(self, reason: str, exit_status: int = 3) -> None:
        super().__init__(reason)
        self.exit_status = exit_status


def reason_of(error: Exception) -> str:
    """The first line of an error that has one."""
    lines = str(error).strip().splitlines()
    return lines[0][:200] if lines else type(error).__name__
