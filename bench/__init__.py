"""Benchmarks: ``make bench`` measures HealthHub over HTTP and beside it the same SQL without the web layer."""
