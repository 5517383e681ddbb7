"""Labels made by a model, for corpora whose publishers left them out."""
