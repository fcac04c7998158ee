"""What trainers read: `kinds` of rows, a data set in a folder with its `card`, and its way to the hub."""
