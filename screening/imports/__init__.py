"""Files of results: read, checked row by row, handed to the store in chunks. Command and upload page share it."""
