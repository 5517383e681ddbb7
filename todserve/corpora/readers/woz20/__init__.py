"""WOZ 2.0, in English: a restaurant in Cambridge is found."""
