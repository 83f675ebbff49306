"""The project: wiring, and what all apps share."""
