//! Margin as pure integer functions of positions and risk arrays.
//!
//! [`standard`] margins one instrument from its own parameters: a rate that grows with size, or the rules of a short
//! option. [`order`] holds for open orders under standard margin. [`Portfolio`] margins all products of one underlying
//! and one settlement asset together, from [`RiskArrays`] that `model` computes outside: it adds, multiplies and
//! compares integers and does nothing else. Requirements round up, profits down. What does not fit an integer is `None`
//! and never a smaller number. No float, no clock, no allocation after a portfolio was built.

pub mod arrays;
pub mod exact;
pub mod factor;
pub mod order;
pub mod params;
pub mod portfolio;
pub mod report;
pub mod sets;
pub mod standard;

pub use arrays::{ArraysError, Expiry, Leg, LegKind, RiskArrays};
pub use factor::Factor;
pub use order::{Held, OpenOrders, SpotHeld, Wanted};
pub use params::{Params, ParamsError, Scenario, ScenarioKind, VolMove};
pub use portfolio::{Cause, FillAt, Portfolio};
pub use report::{Contingencies, Report, Row};
pub use standard::{Model, Quotes, Requirement, Terms};
