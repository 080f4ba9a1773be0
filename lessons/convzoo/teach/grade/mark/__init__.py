"""What a submission is worth: its cells are taken out, scanned, run and marked."""
