"""What people really say, as training turns made from any labelled corpus."""
