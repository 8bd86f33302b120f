"""Q4_0 by llama.cpp's own quantiser, through its library: quantise.py LIBRARIES FROM.gguf TO.gguf"""
import ctypes
import os
import sys
from pathlib import Path

Q4_0 = 2
folder, source, target = Path(sys.argv[1]), *sys.argv[2:]
BASE, GGML, LLAMA = (
    ctypes.CDLL(str(next(folder.glob(f"{name}.*"))), ctypes.RTLD_GLOBAL) for name in ("libggml-base", "libggml", "libllama")
)


class Parameters(ctypes.Structure):
    """llama_model_quantize_params of include/llama.h."""

    _fields_ = [
        *((name, ctypes.c_int32) for name in ("threads", "kind", "output_type", "embedding_type")),
        *((name, ctypes.c_bool) for name in ("requantize", "output", "copy", "pure", "split", "dry")),
        *((name, ctypes.c_void_p) for name in ("imatrix", "overrides", "types", "pruned")),
        ("buffer", ctypes.c_size_t),
    ]


silent = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)(lambda level, text, data: None)
LLAMA.llama_log_set(silent, None)
LLAMA.llama_backend_init()
LLAMA.llama_model_quantize_default_params.restype = Parameters
parameters = LLAMA.llama_model_quantize_default_params()
parameters.threads, parameters.kind = os.cpu_count(), Q4_0
LLAMA.llama_model_quantize.argtypes = [ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(Parameters)]
status = LLAMA.llama_model_quantize(source.encode(), target.encode(), ctypes.byref(parameters))
if status != 0:
    sys.exit(f"llama.cpp's quantiser has ended with {status}")
