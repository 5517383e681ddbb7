"""The network a run begins with: built anew, or taken from pretrained weights."""
