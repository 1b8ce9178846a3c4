//! Margin as pure integer functions of positions and risk arrays.
