"""The sandbox: what runs a student's code, and what it is told over two pipes."""
