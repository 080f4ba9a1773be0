"""What a submission is worth: its cells taken, scanned, run and marked."""
