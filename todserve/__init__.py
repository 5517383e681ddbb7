"""From labelled dialogues to a TorchServe endpoint that answers a whole dialogue turn."""
