"""A trader's day on pages: tasks, stashes, lists, scans."""
