"""Files of results: read, check row by row, and hand to the store in chunks. The command and the upload page share it."""
