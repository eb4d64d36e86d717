"""Makes the parts of `docs/` that are generated from the code: the reference and the pictures."""
