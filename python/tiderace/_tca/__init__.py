"""The parts of `tiderace.tca`."""
