//! Programs: a small typed intermediate form, verified, compiled to metered machine code, and run the same everywhere.
