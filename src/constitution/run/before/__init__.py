"""What can be seen before a run is paid for: a dry run, and a preview with its intervals."""
