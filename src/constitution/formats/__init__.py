"""What trainers read: one small file for each kind of row."""
