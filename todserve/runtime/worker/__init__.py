"""What every server calls, whatever it is: bodies in, their answers and statuses out."""
