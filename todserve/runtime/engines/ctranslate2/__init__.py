"""The CTranslate2 engine: the model it is exported to, and the translator that runs it."""
