"""Services outside of this process that a bot calls: actions over HTTP, a desk with people."""
