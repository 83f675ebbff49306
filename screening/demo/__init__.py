"""The demo city: a deterministic, clearly labelled simulation of the 2017 pilot. No line of it is about a real person."""
