//! Auctions of a defaulter's portfolio: bids from members, sealed or Dutch, and what changes hands at the end.
//!
//! The winner takes every position at its mark and pays its bid on top; a bid below zero is what it wants to be paid.

use tiderace_types::{
    AccountId, Amount, AssetId, Fraction, InstrumentId, Price, Qty, Reason, Refusal, Rounding, Side, TradeKind,
};

use crate::clearing::Clearing;
use crate::config::AuctionKind;
use crate::contract::lots;
use crate::default::{Action, Auction, Stage};
use crate::ledger::{LedgerAccount, PostingKind};
use crate::trades::Fill;
use crate::wide::mul_div;

impl Clearing {
    /// Open auctions.
    #[must_use]
    pub fn auctions(&self) -> &[Auction] {
        &self.auctions
    }

    pub(crate) fn open_auction(&mut self, account: AccountId, asset: AssetId, out: &mut Vec<Action>) {
        let rules = self.config.default_rules;
        let asset = if self.is_pooled(account) { self.config.unit } else { asset };
        let room = self.standing(account, asset).equity.get().saturating_add(self.layers_total(account, asset));
        let ends = self.now.plus_ns(rules.auction_ns);
        self.auctions.push(Auction {
            account,
            asset,
            kind: rules.auction,
            began: self.now,
            ends,
            floor: room.saturating_neg(),
            bids: Vec::new(),
        });
        self.set_stage(account, Stage::Auction);
        self.timer = self.timer.min(ends);
        out.push(Action::AuctionOpened { account, ends });
    }

    /// What a Dutch auction asks now: nothing on top of the mark at first, the floor at the end.
    fn asked(&self, auction: &Auction) -> i128 {
        let (past, whole) = (self.now.ns_since(auction.began), auction.ends.ns_since(auction.began));
        mul_div(auction.floor.min(0), past.into(), i128::from(whole).max(1), Rounding::Ceil).max(auction.floor)
    }

    /// The lowest bid of this bidder that the layers bear as they stand now; `None` where what is owed in another asset is
    /// beyond them, so that no bid would do.
    fn floor_now(&self, auction: &Auction, bidder: AccountId, price: i128) -> Option<i128> {
        let Auction { account, asset, .. } = *auction;
        let is_lost = |of: AssetId| self.sums(account, of).was_margined && !self.is_borne(account, of);
        if !self.is_pooled(account) && self.assets().any(|of| of != asset && is_lost(of)) {
            return None;
        }
        let standing = self.standing(account, asset);
        // What the bidder needs for the portfolio it cannot be assessed for.
        let left = self.balance(bidder, asset).available.get().saturating_sub(standing.initial.get());
        let layers = self.layers_with(account, asset, bidder, left.saturating_sub(price));
        Some(standing.equity.get().saturating_add(layers).saturating_neg())
    }

    /// A bid for a defaulter's portfolio: what the bidder pays on top of the marks, below zero what it wants to be paid.
    /// A later bid of the same account replaces its earlier one. A Dutch auction ends with the first that is high enough.
    ///
    /// # Errors
    /// [`Reason::UnknownAccount`], [`Reason::UnknownAuction`], [`Reason::InDefault`], [`Reason::BidTooLow`],
    /// [`Reason::InsufficientMargin`] where the bidder could not carry the portfolio.
    pub fn bid(
        &mut self,
        bidder: AccountId,
        of: AccountId,
        price: Amount,
        out: &mut Vec<Action>,
    ) -> Result<(), Refusal> {
        self.check_account(bidder)?;
        let unknown = Refusal::new(Reason::UnknownAuction, of.0, bidder.0);
        let at = self.auctions.iter().position(|auction| auction.account == of && of != bidder).ok_or(unknown)?;
        self.check_stage(bidder)?;
        let auction = self.auctions.get(at).ok_or(unknown)?;
        let asked = match auction.kind {
            AuctionKind::Sealed => auction.floor,
            AuctionKind::Dutch => {
                let asked = self.asked(auction);
                asked.max(self.floor_now(auction, bidder, asked).unwrap_or(i128::MAX))
            }
        };
        if price.get() < asked {
            return Err(Refusal::new(Reason::BidTooLow, price.get(), asked));
        }
        self.check_bidder(auction, bidder, price.get())?;
        let kind = auction.kind;
        if kind == AuctionKind::Dutch {
            self.close_auction(at, Some((bidder, asked)), out);
            self.refresh_timer();
        } else if let Some(auction) = self.auctions.get_mut(at) {
            auction.bids.retain(|(account, _)| *account != bidder);
            auction.bids.push((bidder, price.get()));
        }
        Ok(())
    }

    /// Whether a bidder could carry the portfolio for what it bids.
    fn check_bidder(&self, auction: &Auction, bidder: AccountId, price: i128) -> Result<(), Refusal> {
        self.check_stage(bidder)?;
        let Auction { account, asset, .. } = *auction;
        let is_pooled = self.is_pooled(account);
        for of in self.assets().filter(|of| *of == asset || !is_pooled) {
            // What was paid for at the trade is paid for again, in cash.
            let value = if is_pooled { 0 } else { self.sums(account, of).value };
            let needs = self.standing(account, of).initial.get().max(value);
            if of != asset && needs <= 0 {
                continue;
            }
            let needs = needs.saturating_add(if of == asset { price } else { 0 });
            let available = self.balance(bidder, of).available.get();
            if needs > available {
                return Err(Refusal::new(Reason::InsufficientMargin, needs, available));
            }
        }
        Ok(())
    }

    pub(crate) fn end_auctions(&mut self, out: &mut Vec<Action>) {
        while let Some(at) = self.auctions.iter().position(|auction| auction.ends <= self.now) {
            let best = self.auctions.get(at).and_then(|auction| self.best_bid(auction));
            self.close_auction(at, best, out);
        }
    }

    /// The highest bid that the layers still bear, since others may have drawn on them, of a bidder that can still carry
    /// the portfolio; of equals the one that came first.
    fn best_bid(&self, auction: &Auction) -> Option<(AccountId, i128)> {
        let is_good = |of: &&(AccountId, i128)| {
            self.check_bidder(auction, of.0, of.1).is_ok()
                && self.floor_now(auction, of.0, of.1).is_some_and(|floor| of.1 >= floor)
        };
        auction.bids.iter().rev().filter(is_good).max_by_key(|(_, price)| *price).copied()
    }

    fn close_auction(&mut self, at: usize, best: Option<(AccountId, i128)>, out: &mut Vec<Action>) {
        let Auction { account, asset, .. } = self.auctions.remove(at);
        self.set_stage(account, Stage::Healthy);
        if self.short_of(account).is_none() {
            out.push(Action::AuctionClosed { account, winner: None, price: Amount::ZERO });
            return;
        }
        // What expired meanwhile nobody pays for.
        match best.filter(|_| !self.derivatives(account).is_empty()) {
            Some((winner, price)) => {
                for (instrument, qty) in self.derivatives(account) {
                    let mark = self.mark(instrument).unwrap_or(Price::ZERO);
                    self.hand_over(account, winner, instrument, qty, mark);
                }
                let (debit, credit) = (LedgerAccount::Trading(winner), LedgerAccount::Trading(account));
                self.ledger.post(debit, credit, (asset, price), PostingKind::Auction, account.0.into());
                out.push(Action::AuctionClosed { account, winner: Some(winner), price: Amount::new(price) });
                self.close_out(account, out);
            }
            None => {
                out.push(Action::AuctionClosed { account, winner: None, price: Amount::ZERO });
                self.close_without_bid(account, asset, out);
            }
        }
    }

    /// Open positions of an account, spot aside.
    pub(crate) fn derivatives(&self, account: AccountId) -> Vec<(InstrumentId, i64)> {
        let is_meant = |instrument| self.contract(instrument).is_some_and(|of| !of.is_spot());
        let open = self.positions(account).filter(|position| is_meant(position.instrument));
        open.map(|position| (position.instrument, position.qty)).collect()
    }

    /// Moves `qty` lots (signed, as `from` holds them) to another account at a price, without fees. No trade of the
    /// market: nobody can bust it, which would give a defaulter back what the layers paid for it.
    pub(crate) fn hand_over(
        &mut self,
        from: AccountId,
        to: AccountId,
        instrument: InstrumentId,
        qty: i64,
        price: Price,
    ) {
        let side = if qty > 0 { Side::Sell } else { Side::Buy };
        let size: Qty = lots(qty);
        let fill = Fill {
            instrument,
            maker: to,
            taker: from,
            taker_side: side,
            price,
            qty: size,
            maker_fee: Fraction::ZERO,
            taker_fee: Fraction::ZERO,
            kind: TradeKind::Block,
        };
        // Sizes and accounts were good when the position came to be.
        if size > Qty::ZERO
            && self.fill(&fill).is_ok()
            && let Some(kept) = self.trades.back_mut()
        {
            kept.fill.qty = Qty::ZERO;
        }
    }
}
