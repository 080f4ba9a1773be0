"""The sandbox: what runs a student's code, and what is sent to it over two pipes."""
