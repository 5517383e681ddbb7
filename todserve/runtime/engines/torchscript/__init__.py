"""The TorchScript engine: the modules it is compiled from, and what runs them.

``torchscript_export`` compiles and writes them. A T5's attention, feed-forward layers and norms are
in ``torchscript_layers``, a BERT encoder's in ``torchscript_bert``; ``torchscript_encoder`` and
``torchscript_search`` join them.
"""
