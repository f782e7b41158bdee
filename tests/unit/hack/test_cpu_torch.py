"""The stand-ins for CUDA's libraries: which are made, with which symbols; where nothing is done."""

from pathlib import Path

import pytest

from hack.cpu_torch.__main__ import main
from hack.cpu_torch.standins import (
    Wanted,
    c_source,
    is_versioned,
    standins,
    version_script,
    wanted,
)

# Lines as readelf of binutils 2.40 prints them for PyTorch's libraries.
DYNAMIC = """
Dynamic section at offset 0x1dfa8 contains 30 entries:
  Tag        Type                         Name/Value
 0x0000000000000001 (NEEDED)             Shared library: [libcudart.so.13]
 0x0000000000000001 (NEEDED)             Shared library: [libnccl.so.2]
 0x0000000000000001 (NEEDED)             Shared library: [libcuda.so.1]
 0x0000000000000001 (NEEDED)             Shared library: [libc10_cuda.so]
 0x0000000000000001 (NEEDED)             Shared library: [libstdc++.so.6]
 0x000000000000000e (SONAME)             Library soname: [libtorch_cuda.so]
"""
SYMBOLS = """
Symbol table '.dynsym' contains 5 entries:
   Num:    Value          Size Type    Bind   Vis      Ndx Name
     1: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND cudaMalloc@libcudart.so.13 (2)
     2: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND ncclSend
     3: 0000000000000000     0 FUNC    GLOBAL DEFAULT  UND strlen@GLIBC_2.2.5 (3)
     4: 0000000000012340    42 FUNC    GLOBAL DEFAULT   12 cudnnOfOurOwn
"""


def test_what_an_object_asks_for_is_read_from_readelf() -> None:
    """Not the driver's library, nor what others bring, nor what the object defines itself."""
    assert wanted(DYNAMIC, SYMBOLS) == Wanted(
        libraries=frozenset({"libcudart.so.13", "libnccl.so.2"}),
        symbols=frozenset({"cudaMalloc@libcudart.so.13", "ncclSend"}),
    )


def test_a_symbol_lies_in_the_library_that_its_version_names() -> None:
    objects = [
        Wanted(
            libraries=frozenset({"libcudart.so.13", "libnccl.so.2", "libnvshmem_host.so.3"}),
            symbols=frozenset({"cudaFree@libcudart.so.13", "nvshmem_init@NVSHMEM", "ncclSend"}),
        ),
        Wanted(
            libraries=frozenset({"libcudart.so.13"}),
            symbols=frozenset({"cudaMalloc@libcudart.so.13"}),
        ),
    ]
    assert standins(objects) == {
        "libcudart.so.13": {"cudaFree", "cudaMalloc"},
        "libnccl.so.2": {"ncclSend"},
        "libnvshmem_host.so.3": {"nvshmem_init"},
    }
    assert is_versioned("libcudart.so.13", objects)
    assert not is_versioned("libnccl.so.2", objects)


def test_every_function_answers_that_there_is_no_driver() -> None:
    # 35 is cudaErrorInsufficientDriver in CUDA's driver_types.h.
    assert c_source(["cudaMalloc", "cudaFree"]) == (
        "int cudaFree(void) { return 35; }\nint cudaMalloc(void) { return 35; }\n"
    )


def test_versions_are_written_only_where_someone_asks_for_them() -> None:
    assert version_script("libcudart.so.13", versioned=True) == "libcudart.so.13 { global: *; };\n"
    assert version_script("libnvshmem_host.so.3", versioned=True) == "NVSHMEM { global: *; };\n"
    assert version_script("libnccl.so.2", versioned=False) is None


def test_pytorch_without_cuda_needs_neither_stand_ins_nor_a_compiler(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    (tmp_path / "torch" / "lib").mkdir(parents=True)
    assert main([str(tmp_path)]) == 0
    assert list((tmp_path / "torch" / "lib").iterdir()) == []


def test_a_missing_compiler_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    library = tmp_path / "torch" / "lib" / "libtorch_cuda.so"
    library.parent.mkdir(parents=True)
    library.touch()
    assert main([str(tmp_path)]) == 1
    assert "readelf is needed; install gcc and binutils." in capsys.readouterr().err
