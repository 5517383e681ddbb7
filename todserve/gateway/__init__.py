"""The gateway: remembered dialogues over HTTP, in front of the stateless model endpoint."""
