"""The teacher's side: makes, reads and checks lessons. No lesson imports it."""
