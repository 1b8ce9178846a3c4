//! Stress: what a bad day does to the whole house, through the venue itself.

pub mod bench;
