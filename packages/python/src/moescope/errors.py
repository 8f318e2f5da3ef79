"""What a person has to mend in their training script."""


class AttachError(RuntimeError):
    """The model's routers cannot be counted; the message says which, why, and what to do."""
