"""Fits behind `tiderace.learn`; import that."""
