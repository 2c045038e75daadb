"""Files that the trackers' own client libraries wrote, and the script that makes them."""
