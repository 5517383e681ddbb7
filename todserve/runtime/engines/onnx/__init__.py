"""The ONNX engine: the graph it is exported to, and ONNX Runtime that runs it.

``onnx_export`` writes the files. The graph of a T5's attention, feed-forward layers and norms is in
``onnx_layers``, that of a BERT encoder's in ``onnx_bert``; ``onnx_position``, ``onnx_models`` and
``onnx_search`` join them to a decoder position, whole models and the loop over tokens.
"""
