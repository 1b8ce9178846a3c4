"""Margin and default management, behind `tiderace.clear`."""
