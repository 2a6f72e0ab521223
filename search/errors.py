"""The one error a user sees: a sentence that says what is wrong, where, and what to do."""


class UserError(Exception):
    """A mistake of the user or of the world around the search, told in one sentence; ends with exit status 2."""
