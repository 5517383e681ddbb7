"""Banking77: questions to a bank, each with an intent."""
