"""What a person has to mend: in a training script, or between a notebook and its collector."""


class AttachError(RuntimeError):
    """The model's routers cannot be counted; the message says which, why, and what to do."""


class CollectorError(RuntimeError):
    """A collector could not be asked, or answers that it will not; the message says why."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        #: HTTP status of the answer; None where there was none.
        self.status = status
