"""What a candidate must prove, one test per module."""
