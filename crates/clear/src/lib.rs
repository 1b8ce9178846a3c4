//! Clearing: the ledger, positions, funding, expiry, collateral and what happens when somebody cannot pay.
//!
//! [`Clearing`] is one state machine per venue, without clock, float or chance. The house stands between the two sides
//! of every trade. Money moves by postings that balance by construction, in base units of its asset: who is paid gets
//! the amount rounded down, who pays it rounded up, and what does not come out even goes to a named account. What a rule
//! refuses changes nothing. Free functions ([`waterfall`], [`adl_queue`], [`basis_mark`]) are the same rules for those
//! who hold no ledger.

mod adl;
mod auction;
mod bilateral;
mod bytes;
mod clearing;
pub mod config;
mod contract;
mod default;
mod index;
mod ledger;
mod liquidation;
mod loss;
mod market;
mod payoff;
mod portfolio;
mod position;
mod prices;
mod proof;
mod recon;
mod rule;
mod settle;
mod snapshot;
mod standing;
#[cfg(test)]
mod testing;
mod trades;
mod waterfall;
mod wide;

pub use adl::{AdlPosition, AdlRow, adl_queue, adl_score};
pub use bilateral::{BILATERAL_MAX, Bilateral};
pub use clearing::{Clearing, Fund};
pub use config::{ClearConfig, ConfigError};
pub use contract::{Contract, RAW_MAX};
pub use default::{Action, Auction, Layer, Stage};
pub use index::{IndexRules, IndexSources};
pub use ledger::{CASH_MAX, House, LedgerAccount, Posting, PostingKind, StatementRow, TrialRow, statement};
pub use market::basis_mark;
pub use payoff::{PayoffEntry, PayoffTrap};
pub use portfolio::Vintage;
pub use position::Position;
pub use proof::{Step, SumNode, SumTree, is_included, leaf};
pub use recon::{Break, BreakKind, Custodian, Reconciliation};
pub use standing::{Balance, OrderAsk, OrderHold, Standing};
pub use trades::{Fill, Filled, TradeRecord};
pub use waterfall::{Drawn, LayerAmounts, LayerDraw, pro_rata, waterfall};
