"""Sizes of files as people read them. Pure."""


def file_size(size_bytes: int) -> str:
    """In the largest binary unit that leaves a whole: 481 B, 12.3 KiB, 2.4 MiB."""
    for unit, size in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size_bytes >= size:
            return f"{size_bytes / size:.1f} {unit}"
    return f"{size_bytes} B"
