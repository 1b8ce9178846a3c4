//! Trades agreed outside the book: booked by one side, affirmed by both in the same terms, then novated.

use tiderace_types::{AccountId, DecodeError, Field, Qty, Reason, Refusal};

use crate::clearing::Clearing;
use crate::standing::OrderAsk;
use crate::trades::{Fill, Filled, TradeRecord};

/// Bilateral trades that wait at most.
pub const BILATERAL_MAX: usize = 10_000;

/// A bilateral trade that waits for its sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bilateral {
    /// Its key.
    pub key: u64,
    /// Its terms.
    pub fill: Fill,
    /// Whether the maker affirmed.
    pub by_maker: bool,
    /// Whether the taker did.
    pub by_taker: bool,
}

impl Bilateral {
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        self.key.put(out);
        TradeRecord::of(self.fill).put(out);
        self.by_maker.put(out);
        self.by_taker.put(out);
    }

    pub(crate) fn take(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let (key, fill) = (Field::take(bytes)?, TradeRecord::take(bytes)?.fill);
        Ok(Self { key, fill, by_maker: Field::take(bytes)?, by_taker: Field::take(bytes)? })
    }
}

impl Clearing {
    /// Bilateral trades that wait, by key.
    #[must_use]
    pub fn bilaterals(&self) -> &[Bilateral] {
        &self.bilaterals
    }

    /// Books a bilateral trade; its sides affirm it by the key.
    ///
    /// # Errors
    /// As [`Self::fill`]; [`Reason::Affirmation`] where both sides are one; [`Reason::OverLimit`] where too many wait.
    pub fn book_bilateral(&mut self, fill: &Fill) -> Result<u64, Refusal> {
        self.check_instrument(fill.instrument)?;
        self.check_account(fill.maker)?;
        self.check_account(fill.taker)?;
        if fill.maker == fill.taker {
            return Err(Refusal::new(Reason::Affirmation, fill.maker.0, fill.taker.0));
        }
        if fill.qty == Qty::ZERO {
            return Err(Refusal::new(Reason::BadQty, 0, 1));
        }
        if self.bilaterals.len() >= BILATERAL_MAX {
            return Err(Refusal::new(Reason::OverLimit, i128::MAX, 0));
        }
        let key = self.next_bilateral;
        self.next_bilateral = key.saturating_add(1);
        self.bilaterals.push(Bilateral { key, fill: *fill, by_maker: false, by_taker: false });
        Ok(key)
    }

    /// A side says yes to the terms; the second yes novates.
    ///
    /// # Errors
    /// [`Reason::UnknownTrade`]; [`Reason::Affirmation`] where the terms differ, the account is no side, or it said so
    /// before; [`Reason::InsufficientMargin`] where a side could not carry the position, as [`Self::may_fill`], and the
    /// trade then waits for another try of this side; or as [`Self::fill`].
    pub fn affirm(&mut self, key: u64, account: AccountId, terms: &Fill) -> Result<Option<Filled>, Refusal> {
        let unknown = Refusal::new(Reason::UnknownTrade, i128::from(key), 0);
        let at = self.bilaterals.iter().position(|of| of.key == key).ok_or(unknown)?;
        let mut of = *self.bilaterals.get(at).ok_or(unknown)?;
        let wrong = Refusal::new(Reason::Affirmation, account.0, 0);
        let said = if account == of.fill.maker {
            &mut of.by_maker
        } else if account == of.fill.taker {
            &mut of.by_taker
        } else {
            return Err(wrong);
        };
        if *said || *terms != of.fill {
            return Err(wrong);
        }
        *said = true;
        if !(of.by_maker && of.by_taker) {
            if let Some(waiting) = self.bilaterals.get_mut(at) {
                *waiting = of;
            }
            return Ok(None);
        }
        let Fill { instrument, maker, taker, taker_side, qty, price, maker_fee, taker_fee, .. } = of.fill;
        let sides = [(maker, taker_side.opposite(), maker_fee), (taker, taker_side, taker_fee)];
        for (account, side, fee) in sides {
            self.may_fill(&OrderAsk { account, instrument, side, qty, price: Some(price), fee })?;
        }
        let filled = self.fill(&of.fill)?;
        self.bilaterals.remove(at);
        Ok(Some(filled))
    }

    /// A side says no: the trade is gone.
    ///
    /// # Errors
    /// [`Reason::UnknownTrade`], or [`Reason::Affirmation`] where the account is no side.
    pub fn decline(&mut self, key: u64, account: AccountId) -> Result<(), Refusal> {
        let unknown = Refusal::new(Reason::UnknownTrade, i128::from(key), 0);
        let at = self.bilaterals.iter().position(|of| of.key == key).ok_or(unknown)?;
        let fill = self.bilaterals.get(at).ok_or(unknown)?.fill;
        if account != fill.maker && account != fill.taker {
            return Err(Refusal::new(Reason::Affirmation, account.0, 0));
        }
        self.bilaterals.remove(at);
        Ok(())
    }
}
