"""Reading wheels and the metadata files inside them."""
