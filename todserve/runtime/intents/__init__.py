"""A classifier of the user's intent beside the network, by the sentence's vector and words."""
