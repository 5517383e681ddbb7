"""What happens to a message: asked of the model, corrected, compared, exported."""
