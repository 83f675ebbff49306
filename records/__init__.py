"""The people, the places, and who may see what."""
