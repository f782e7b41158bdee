"""What each task's answers mean: reading its truth and judging accuracy."""
