"""A run as a folder: the plan of its input, its manifest, journals and sealed shards."""
