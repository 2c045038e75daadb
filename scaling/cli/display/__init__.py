"""What a terminal shows: one file a theme."""
