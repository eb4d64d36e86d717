"""Makes the parts of `docs/` that follow from the code: the reference and the pictures."""
