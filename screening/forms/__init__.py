"""The forms of the clinic's and the city's pages."""
