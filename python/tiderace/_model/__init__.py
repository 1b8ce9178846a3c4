"""What `tiderace.model` is made of."""
