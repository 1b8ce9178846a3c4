//! Stress: what a bad day does to the whole house, through the venue itself.
//!
//! [`day()`] builds customers on a chain of options, lets the price fall step by step, and follows what happens through
//! liquidation, auction and waterfall; every command is recorded and done again. Prices are drawn and computed with
//! floats here, as in all of `sim`; they reach the venue as commands, in ticks.

pub mod bench;
mod chain;
mod config;
mod day;
mod end_of_day;
mod genesis;
mod grid;
mod layers;
mod run;
mod scene;

pub use chain::{Chain, Quote};
pub use config::{Config, Funds, Move, Policy};
pub use day::{Day, Layer, Outcome, Step, Total, Used, day};
pub use end_of_day::{Table, end_of_day};
pub use grid::{Cell, Cover, Grid, MemberLoss, grid};
