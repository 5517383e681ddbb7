"""A model of the intent beside the network: the sentence's vector, its words, its letters."""
