"""The pages of `records`."""
