"""What people read, as plain SQL tables in a database of theirs, and the people's own database."""
