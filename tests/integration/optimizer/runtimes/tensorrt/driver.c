/* The driver's entry points that are used, with the prototypes of cuda.h, on host memory: what is
   passed in the wrong width or order crashes or gives wrong bytes, as it would on a GPU. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef int CUresult;
typedef int CUdevice;
typedef struct CUctx_st *CUcontext;
typedef struct CUstream_st *CUstream;
typedef unsigned long long CUdeviceptr;
typedef int CUdevice_attribute;

enum { INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_CONTEXT = 201 };

static int context, stream;
static CUcontext current;

CUresult cuInit(unsigned int flags) {
  return getenv("FAKE_NO_DEVICE") ? NO_DEVICE : flags ? INVALID_VALUE : 0;
}
CUresult cuDriverGetVersion(int *version) { *version = 13010; return 0; }
CUresult cuDeviceGet(CUdevice *device, int ordinal) { *device = ordinal + 5; return 0; }
CUresult cuDeviceGetName(char *name, int length, CUdevice device) {
  if (device != 5) return INVALID_VALUE;
  strncpy(name, "NVIDIA L4", (size_t)length);
  return 0;
}
CUresult cuDeviceGetAttribute(int *value, CUdevice_attribute attribute, CUdevice device) {
  if (device != 5 || (attribute != 75 && attribute != 76)) return INVALID_VALUE;
  *value = attribute == 75 ? 8 : 9;
  return 0;
}
CUresult cuDevicePrimaryCtxRetain(CUcontext *made, CUdevice device) {
  if (device != 5) return INVALID_VALUE;
  *made = (CUcontext)&context;
  return 0;
}
CUresult cuCtxSetCurrent(CUcontext wanted) {
  if (wanted != (CUcontext)&context) return INVALID_CONTEXT;
  current = wanted;
  return 0;
}
CUresult cuStreamCreate(CUstream *made, unsigned int flags) {
  if (flags != 1 || !current) return INVALID_CONTEXT;
  *made = (CUstream)&stream;
  return 0;
}
CUresult cuStreamSynchronize(CUstream it) { return it == (CUstream)&stream ? 0 : INVALID_VALUE; }
CUresult cuStreamDestroy_v2(CUstream it) { return it == (CUstream)&stream ? 0 : INVALID_VALUE; }
CUresult cuMemAlloc_v2(CUdeviceptr *made, size_t size) {
  if (size > (size_t)1 << 40) return OUT_OF_MEMORY;
  *made = (CUdeviceptr)(uintptr_t)malloc(size);
  return 0;
}
CUresult cuMemFree_v2(CUdeviceptr it) { free((void *)(uintptr_t)it); return 0; }
CUresult cuMemcpyHtoDAsync_v2(CUdeviceptr to, const void *from, size_t size, CUstream in) {
  if (in != (CUstream)&stream) return INVALID_VALUE;
  memcpy((void *)(uintptr_t)to, from, size);
  return 0;
}
CUresult cuMemcpyDtoHAsync_v2(void *to, CUdeviceptr from, size_t size, CUstream in) {
  if (in != (CUstream)&stream) return INVALID_VALUE;
  memcpy(to, (const void *)(uintptr_t)from, size);
  return 0;
}
CUresult cuGetErrorString(CUresult error, const char **text) {
  *text = error == OUT_OF_MEMORY ? "out of memory" : error == NO_DEVICE ? "no CUDA-capable device is detected" : NULL;
  return *text ? 0 : INVALID_VALUE;
}
