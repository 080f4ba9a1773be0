"""What a teacher's side needs: lessons are made here, read and checked. No lesson imports it."""
