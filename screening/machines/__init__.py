"""Results straight from machines and laboratory systems: HL7 v2 over MLLP, and ASTM records."""
