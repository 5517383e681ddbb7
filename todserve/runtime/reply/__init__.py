"""The reply: how what the network wrote becomes a true sentence for the user.

The pipeline calls it after the second engine call; what it chooses goes into the answer. Example:
"there are [value_choice] [value_type] in the north" is sent only where every place that the look-up
found is in the north; else another generation is, or a plain sentence made of the look-up.
"""
