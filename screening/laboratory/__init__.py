"""The laboratory: orders, kits and specimens, entry of results by scan, and results that wait for somebody."""
