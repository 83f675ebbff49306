"""How HealthHub talks to PostgreSQL: Django's backend, less what costs a round trip on every request."""
