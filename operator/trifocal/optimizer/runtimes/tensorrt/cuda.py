"""The little of CUDA that running an engine takes, from the NVIDIA driver's own library.

The driver's API is used, not the CUDA runtime's: libcuda.so.1 comes with the driver and so is
there wherever a GPU is, under one name and with one ABI for all CUDA versions; the runtime's
library has a version in its name, and where PyTorch runs without CUDA it is a stand-in.
TensorRT works in the device's primary context, which is retained and made current here.
"""

import ctypes
from ctypes import POINTER, c_char_p, c_int, c_size_t, c_uint, c_uint64, c_void_p
from typing import Any, Protocol

from numpy.typing import NDArray

from trifocal.optimizer.runtimes.backend import ModelRunError
from trifocal.optimizer.runtimes.tensorrt.place import Device

LIBRARY = "libcuda.so.1"
_COMPUTE_CAPABILITY = (75, 76)
"""CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR and _MINOR."""
_NAME_BYTES = 256
_NON_BLOCKING = 1
"""CU_STREAM_NON_BLOCKING: it does not wait for the default stream."""
_PROTOTYPES: dict[str, tuple[Any, ...]] = {
    "cuInit": (c_uint,),
    "cuDriverGetVersion": (POINTER(c_int),),
    "cuDeviceGet": (POINTER(c_int), c_int),
    "cuDeviceGetName": (c_char_p, c_int, c_int),
    "cuDeviceGetAttribute": (POINTER(c_int), c_int, c_int),
    "cuDevicePrimaryCtxRetain": (POINTER(c_void_p), c_int),
    "cuCtxSetCurrent": (c_void_p,),
    "cuStreamCreate": (POINTER(c_void_p), c_uint),
    "cuStreamSynchronize": (c_void_p,),
    "cuStreamDestroy_v2": (c_void_p,),
    "cuMemAlloc_v2": (POINTER(c_uint64), c_size_t),
    "cuMemFree_v2": (c_uint64,),
    "cuMemcpyHtoDAsync_v2": (c_uint64, c_void_p, c_size_t, c_void_p),
    "cuMemcpyDtoHAsync_v2": (c_void_p, c_uint64, c_size_t, c_void_p),
    "cuGetErrorString": (c_int, POINTER(c_char_p)),
}
"""Argument types as cuda.h declares them; CUdeviceptr has 64 bits, and each returns a CUresult."""


class Cuda(Protocol):
    """One GPU. Pointers and streams are plain integers. Every method may raise ModelRunError."""

    def device(self) -> Device:
        """What it is."""

    def activate(self) -> None:
        """Make the calling thread use it."""

    def create_stream(self) -> int:
        """A queue of work."""

    def destroy_stream(self, stream: int) -> None:
        """Give a stream back."""

    def allocate(self, size: int) -> int:
        """Address of so many bytes on the GPU."""

    def free(self, address: int) -> None:
        """Give memory back."""

    def upload(self, address: int, array: NDArray[Any], stream: int) -> None:
        """Queue a copy of a contiguous array to the GPU."""

    def download(self, array: NDArray[Any], address: int, stream: int) -> None:
        """Queue a copy that fills a contiguous array."""

    def synchronize(self, stream: int) -> None:
        """Wait for what is queued."""


class Driver:
    """The first GPU that the driver shows; a Job is given exactly one."""

    def __init__(self, library: str = LIBRARY) -> None:
        """Start CUDA.

        Raises:
            ModelRunError: There is no driver or no GPU.
        """
        try:
            self._library = ctypes.CDLL(library)
        except OSError as error:
            raise ModelRunError(
                f"{library} is missing: there is no NVIDIA driver here, so no engine can be run"
            ) from error
        for name, arguments in _PROTOTYPES.items():
            getattr(self._library, name).argtypes = arguments
        self._call("cuInit", 0)
        ordinal, context = c_int(), c_void_p()
        self._call("cuDeviceGet", ordinal, 0)
        self._device = ordinal.value
        self._call("cuDevicePrimaryCtxRetain", context, self._device)
        self._context = context

    def device(self) -> Device:
        """What it is."""
        name = ctypes.create_string_buffer(_NAME_BYTES)
        self._call("cuDeviceGetName", name, _NAME_BYTES, self._device)
        capability = []
        for attribute in _COMPUTE_CAPABILITY:
            value = c_int()
            self._call("cuDeviceGetAttribute", value, attribute, self._device)
            capability.append(str(value.value))
        version = c_int()
        self._call("cuDriverGetVersion", version)
        return Device(
            product=name.value.decode(),
            compute_capability=".".join(capability),
            cuda=version.value // 1000,  # 13010 is CUDA 13.1
        )

    def activate(self) -> None:
        """Make the calling thread use it."""
        self._call("cuCtxSetCurrent", self._context)

    def create_stream(self) -> int:
        """A queue of work."""
        stream = c_void_p()
        self._call("cuStreamCreate", stream, _NON_BLOCKING)
        return stream.value or 0

    def destroy_stream(self, stream: int) -> None:
        """Give a stream back."""
        self._call("cuStreamDestroy_v2", stream)

    def allocate(self, size: int) -> int:
        """Address of so many bytes on the GPU."""
        address = c_uint64()
        self._call("cuMemAlloc_v2", address, size)
        return address.value

    def free(self, address: int) -> None:
        """Give memory back."""
        self._call("cuMemFree_v2", address)

    def upload(self, address: int, array: NDArray[Any], stream: int) -> None:
        """Queue a copy of a contiguous array to the GPU."""
        self._call("cuMemcpyHtoDAsync_v2", address, _pointer(array), array.nbytes, stream)

    def download(self, array: NDArray[Any], address: int, stream: int) -> None:
        """Queue a copy that fills a contiguous array."""
        self._call("cuMemcpyDtoHAsync_v2", _pointer(array), address, array.nbytes, stream)

    def synchronize(self, stream: int) -> None:
        """Wait for what is queued."""
        self._call("cuStreamSynchronize", stream)

    def _call(self, name: str, *arguments: Any) -> None:
        """Raises ModelRunError for every result but CUDA_SUCCESS."""
        result = getattr(self._library, name)(*arguments)
        if result:
            raise ModelRunError(f"CUDA's {name} failed with error {result}: {self._text(result)}")

    def _text(self, result: int) -> str:
        text = c_char_p()
        self._library.cuGetErrorString(result, ctypes.byref(text))
        return text.value.decode() if text.value else "unknown"


def _pointer(array: NDArray[Any]) -> int:
    if not array.flags.c_contiguous:
        raise ValueError("only contiguous arrays are copied to and from a GPU")
    return int(array.ctypes.data)
