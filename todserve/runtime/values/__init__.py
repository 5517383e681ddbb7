"""Values that people type: a date, a time, a number, an amount, a phone number, an address.

A schema may give a slot a type; what the user said then gets a form that a program can use beside
it. Start at ``value_reader``; the words of a language are data files here.
"""
