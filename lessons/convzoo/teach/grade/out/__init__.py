"""What the teacher gets: tables, feedback pages, the class page."""
