"""CamRest676: a restaurant in Cambridge is found."""
