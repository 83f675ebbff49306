"""The demo city: a simulation of the 2017 pilot, labelled as such; nothing in it is about a real person."""
