"""Source models of other formats, turned into ONNX. No file is trusted, and none is unpickled.

A model file can carry code: pickles, Lambda layers, operators that read files. Each module here
reads only what it can prove to be data, by a list of what is allowed, before a framework's own
loader sees the bytes; where that loader unpickles or evaluates strings, it is not used at all.
"""
