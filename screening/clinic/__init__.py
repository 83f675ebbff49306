"""What the clinic's pages show, computed here so that views stay thin."""
