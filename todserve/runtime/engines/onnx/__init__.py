"""The ONNX engine: the graph it is exported to, and ONNX Runtime that runs it."""
