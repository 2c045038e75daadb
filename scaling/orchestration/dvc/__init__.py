"""DVC as the pipeline uses it: its graph, its processes, clones, repair."""
