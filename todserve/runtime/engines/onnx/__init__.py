"""The ONNX engine: the graph it is exported to, and ONNX Runtime that runs it.

``onnx_export`` writes the files. The graph of a T5's attention, feed-forward layers and norms is in
``onnx_layers``, that of a BERT encoder's in ``onnx_bert``; ``onnx_position`` and ``onnx_models``
join them to decoder positions and whole models. The loop over tokens is ``greedy_search`` of
``runtime/decoding``.
"""
