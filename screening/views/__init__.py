"""The pages of `screening`."""
