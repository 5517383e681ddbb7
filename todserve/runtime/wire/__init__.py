"""What travels over HTTP: requests, responses, KServe's bodies, and the limits on them."""
