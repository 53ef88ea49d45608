"""Other people's tools measured on our data, each in an environment of its own."""
