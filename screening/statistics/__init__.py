"""Figures of the screening programmes: cells kept fresh by SQL, indicators computed from them, one report for all."""
