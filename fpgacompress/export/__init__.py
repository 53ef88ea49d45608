"""Our students and float models in other people's file formats; one module per format."""
