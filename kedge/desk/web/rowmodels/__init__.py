"""The tables as Django sees them: read, never made or changed."""
