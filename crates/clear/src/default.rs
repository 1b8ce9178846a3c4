//! What happens to who cannot pay: warned, orders canceled, reduced in the book, auctioned, and then the waterfall.

use tiderace_types::{AccountId, Amount, AssetId, InstrumentId, Price, Qty, Reason, Side, Ts};

use crate::config::AuctionKind;

/// Where an account stands on the way down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Stage {
    /// It has what its positions need.
    #[default]
    Healthy,
    /// It was told that it comes near.
    Warned,
    /// Below maintenance: orders that add risk are gone, and the book is asked to take its positions.
    Reducing {
        /// Whether the book had nothing at the last attempt.
        is_dry: bool,
    },
    /// Its portfolio is put up.
    Auction,
}

/// What clearing asks the engine to do, or tells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// An account comes near its maintenance margin.
    Warn {
        /// Whose.
        account: AccountId,
    },
    /// Cancel the account's working orders that do not make a position smaller.
    CancelRiskAdding {
        /// Whose.
        account: AccountId,
    },
    /// Enter an immediate-or-cancel order of the account, of the kind liquidation; answer with
    /// [`crate::Clearing::liquidated`].
    Liquidate {
        /// Whose.
        account: AccountId,
        /// Where.
        instrument: InstrumentId,
        /// Side of the order.
        side: Side,
        /// Lots.
        qty: Qty,
        /// No worse than this.
        limit: Price,
    },
    /// The book did not take all: bids for the portfolio are taken until `ends`.
    AuctionOpened {
        /// Whose portfolio.
        account: AccountId,
        /// Until when.
        ends: Ts,
    },
    /// An auction ended.
    AuctionClosed {
        /// Whose portfolio.
        account: AccountId,
        /// Who takes it; nobody where absent.
        winner: Option<AccountId>,
        /// What the winner pays, in base units of the asset; below zero it is paid.
        price: Amount,
    },
    /// A layer of the waterfall paid.
    LayerUsed {
        /// Whose default.
        account: AccountId,
        /// Which layer.
        layer: Layer,
        /// Of which member.
        member: Option<u32>,
        /// Of what.
        asset: AssetId,
        /// How much.
        amount: Amount,
    },
    /// A position was closed against another account's.
    Deleveraged {
        /// Who defaulted.
        bankrupt: AccountId,
        /// Whose profit it cost.
        account: AccountId,
        /// Where.
        instrument: InstrumentId,
        /// Side of the bankrupt's trade.
        side: Side,
        /// Lots.
        qty: Qty,
        /// In ticks.
        price: Price,
    },
    /// Funding was paid at a rate.
    FundingPaid {
        /// Where.
        instrument: InstrumentId,
        /// For the interval, in 10^-18.
        rate: i128,
    },
    /// Open profit of perpetuals and futures became cash.
    Settled {
        /// When.
        ts: Ts,
    },
    /// An instrument was settled: its orders end.
    Expired {
        /// Which.
        instrument: InstrumentId,
        /// In steps of 10^-12.
        price: i128,
    },
    /// A payoff observed the index.
    PayoffObserved {
        /// Which.
        instrument: InstrumentId,
        /// Number of the observation, from zero.
        number: u32,
        /// The index in ticks.
        price: Price,
        /// What a long lot was paid, in ticks of a lot.
        amount: Amount,
    },
    /// A payoff was paid out.
    PayoffPaid {
        /// Which.
        instrument: InstrumentId,
        /// The settlement price in ticks.
        price: Price,
        /// What a long lot was paid, in ticks of a lot.
        amount: Amount,
    },
    /// A payoff's program was stopped.
    PayoffTrapped {
        /// Which.
        instrument: InstrumentId,
        /// Where, and what counts instead.
        trap: crate::payoff::PayoffTrap,
    },
    /// Something that should have happened cannot.
    Missing {
        /// Where.
        instrument: InstrumentId,
        /// Why.
        reason: Reason,
    },
}

/// A layer of the waterfall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// What the defaulter's member put into the mutual fund.
    DefaulterShare,
    /// The insurance fund.
    Insurance,
    /// The house's capital.
    House,
    /// The other members' shares.
    Mutual,
    /// What members are assessed.
    Assessment,
    /// The gains of a settlement.
    Haircut,
    /// Nobody: what is owed stays owed.
    Nobody,
}

/// An auction of a defaulter's portfolio.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auction {
    /// Whose portfolio.
    pub account: AccountId,
    /// Asset that bids are in.
    pub asset: AssetId,
    /// How bids meet.
    pub kind: AuctionKind,
    /// When it began.
    pub began: Ts,
    /// When it ends.
    pub ends: Ts,
    /// The lowest bid that is taken: what all layers together could add.
    pub floor: i128,
    /// Bids: who, and what it pays, below zero what it wants to be paid.
    pub bids: Vec<(AccountId, i128)>,
}
