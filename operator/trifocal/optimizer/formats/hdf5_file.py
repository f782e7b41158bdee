"""Is an HDF5 file whole in itself and of a bearable size? Checked before Keras opens it.

Trust: HDF5 can point to other files (external links, external and virtual storage), and a few
bytes can claim terabytes of zeros. The C library that parses it is the one that Keras uses.
"""

from pathlib import Path
from typing import Any

from trifocal.optimizer.formats.member_limits import MAX_MEMBERS, refused
from trifocal.optimizer.formats.opened import first_line
from trifocal.optimizer.importing import MAX_MODEL_BYTES

WHAT = "an HDF5 file"


def check_hdf5(path: Path) -> None:
    """Look at every link and every dataset's size.

    Raises:
        RefusedError: ModelInvalid.
    """
    import h5py  # noqa: PLC0415 - compiled

    try:
        with h5py.File(path, "r") as file:
            _walk(file)
    except (OSError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise refused(WHAT, f"it is damaged ({first_line(error)})") from error


def model_config(path: Path) -> str | bytes:
    """The legacy model's configuration.

    Raises:
        RefusedError: ModelInvalid: there is none.
    """
    import h5py  # noqa: PLC0415 - compiled

    with h5py.File(path, "r") as file:
        config = file.attrs.get("model_config")
    if not isinstance(config, str | bytes):
        raise refused(
            WHAT, "it holds weights without their network; save the whole model with model.save"
        )
    return config


def _walk(file: Any) -> None:
    import h5py  # noqa: PLC0415 - compiled

    pending, seen, total = [file], set(), 0
    while pending:
        group = pending.pop()
        for name in group:
            if isinstance(group.get(name, getlink=True), h5py.ExternalLink):
                raise refused(WHAT, f"'{name:.80}' lies in another file (an external link)")
            item = group[name]
            address = h5py.h5o.get_info(item.id).addr
            if address in seen:
                continue
            seen.add(address)
            if len(seen) > MAX_MEMBERS:
                raise refused(WHAT, f"it has more than {MAX_MEMBERS} members")
            if isinstance(item, h5py.Group):
                pending.append(item)
            elif isinstance(item, h5py.Dataset):
                total += _bytes(item)
                if total > MAX_MODEL_BYTES:
                    raise refused(WHAT, f"its arrays have more than {MAX_MODEL_BYTES} bytes")


def _bytes(dataset: Any) -> int:
    if dataset.is_virtual or dataset.external:
        raise refused(WHAT, f"the array '{dataset.name:.80}' lies in another file")
    return int(dataset.size or 0) * int(dataset.dtype.itemsize)
