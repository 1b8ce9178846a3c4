//! The state as bytes: layout version first; the same state gives the same bytes. The genesis is not in it.

use std::collections::VecDeque;

use tiderace_types::{AccountId, AssetId, DecodeError, Field, Ts};

use crate::bilateral::Bilateral;
use crate::bytes::{bad, put_len, put_option, take_into, take_list, take_option};
use crate::clearing::Clearing;
use crate::config::{AuctionKind, ClearConfig};
use crate::default::{Auction, Stage};
use crate::portfolio::Asked;
use crate::position::{Position, Working};
use crate::trades::TradeRecord;

/// Version of the layout.
const VERSION: u16 = 3;

impl Position {
    fn put(&self, out: &mut Vec<u8>) {
        self.account.put(out);
        self.instrument.put(out);
        self.qty.put(out);
        for value in [self.cost, self.realized, self.funded] {
            value.put(out);
        }
        for working in self.orders {
            working.lots.put(out);
            working.cost.put(out);
        }
        for value in [self.open, self.value, self.initial, self.maintenance, self.held] {
            value.put(out);
        }
        put_len(self.lots.len(), out);
        for (lots, cost) in &self.lots {
            lots.put(out);
            cost.put(out);
        }
    }

    fn take(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let mut position = Self {
            account: Field::take(bytes)?,
            instrument: Field::take(bytes)?,
            qty: Field::take(bytes)?,
            cost: Field::take(bytes)?,
            realized: Field::take(bytes)?,
            funded: Field::take(bytes)?,
            ..Self::default()
        };
        for working in &mut position.orders {
            *working = Working { lots: Field::take(bytes)?, cost: Field::take(bytes)? };
        }
        for value in [
            &mut position.open,
            &mut position.value,
            &mut position.initial,
            &mut position.maintenance,
            &mut position.held,
        ] {
            *value = Field::take(bytes)?;
        }
        let lots = take_list(bytes, |bytes| Ok((i64::take(bytes)?, i128::take(bytes)?)))?;
        position.lots = VecDeque::from(lots);
        Ok(position)
    }
}

impl Stage {
    const fn code(self) -> u8 {
        match self {
            Self::Healthy => 0,
            Self::Warned => 1,
            Self::Reducing { is_dry: false } => 2,
            Self::Reducing { is_dry: true } => 3,
            Self::Auction => 4,
        }
    }

    const fn of(code: u8) -> Option<Self> {
        Some(match code {
            0 => Self::Healthy,
            1 => Self::Warned,
            2 => Self::Reducing { is_dry: false },
            3 => Self::Reducing { is_dry: true },
            4 => Self::Auction,
            _ => return None,
        })
    }
}

impl Auction {
    fn put(&self, out: &mut Vec<u8>) {
        self.account.put(out);
        self.asset.put(out);
        (self.kind == AuctionKind::Dutch).put(out);
        self.began.put(out);
        self.ends.put(out);
        self.floor.put(out);
        put_len(self.bids.len(), out);
        for (account, price) in &self.bids {
            account.put(out);
            price.put(out);
        }
    }

    fn take(bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            account: Field::take(bytes)?,
            asset: AssetId::take(bytes)?,
            kind: if bool::take(bytes)? { AuctionKind::Dutch } else { AuctionKind::Sealed },
            began: Field::take(bytes)?,
            ends: Field::take(bytes)?,
            floor: Field::take(bytes)?,
            bids: take_list(bytes, |bytes| Ok((AccountId::take(bytes)?, i128::take(bytes)?)))?,
        })
    }
}

impl Clearing {
    /// Appends all of the state that the genesis does not say.
    pub fn encode(&self, out: &mut Vec<u8>) {
        VERSION.put(out);
        self.now.put(out);
        self.next_settlement.put(out);
        self.ledger.encode(out);
        self.markets.iter().for_each(|market| market.put(out));
        self.indices.iter().for_each(|index| put_option(index.price, out));
        put_len(self.positions.len(), out);
        self.positions.iter().for_each(|position| position.put(out));
        put_len(self.sums.len(), out);
        for sums in &self.sums {
            for value in [sums.open, sums.value, sums.initial, sums.maintenance, sums.held] {
                value.put(out);
            }
            sums.was_margined.put(out);
        }
        self.stages.iter().for_each(|stage| stage.code().put(out));
        self.members.iter().for_each(|member| put_option(*member, out));
        put_len(self.asked.len(), out);
        for ((settle, base, account), asked) in &self.asked {
            settle.put(out);
            base.put(out);
            account.put(out);
            for value in [asked.initial, asked.maintenance, asked.held] {
                value.put(out);
            }
        }
        put_len(self.pools.len(), out);
        self.pools.iter().for_each(|pool| pool.put(out));
        self.traded.put(out);
        put_len(self.trades.len(), out);
        self.trades.iter().for_each(|trade| trade.put(out));
        put_len(self.to_review.len(), out);
        self.to_review.iter().for_each(|account| account.put(out));
        put_len(self.auctions.len(), out);
        self.auctions.iter().for_each(|auction| auction.put(out));
        self.next_bilateral.put(out);
        put_len(self.bilaterals.len(), out);
        self.bilaterals.iter().for_each(|of| of.put(out));
        self.put_payoffs(out);
    }

    /// Clearing of this genesis with the state from the front of `bytes`.
    ///
    /// # Errors
    /// [`DecodeError`] where the bytes are of another version or genesis, too few, or no state.
    pub fn decode(config: ClearConfig, bytes: &mut &[u8]) -> Result<Self, DecodeError> {
        let mut of = Self::new(config).map_err(|_| bad("ClearConfig"))?;
        if u16::take(bytes)? != VERSION {
            return Err(bad("version of clearing (3 here)"));
        }
        of.now = Ts::take(bytes)?;
        of.next_settlement = Ts::take(bytes)?;
        of.ledger.restore(bytes)?;
        for market in &mut of.markets {
            market.restore(bytes)?;
        }
        for index in &mut of.indices {
            index.price = take_option(bytes)?;
        }
        of.positions = take_list(bytes, Position::take)?;
        let (accounts, instruments) = (of.config.accounts.len(), of.contracts.len());
        let is_known =
            |position: &Position| Self::row(position.account) <= accounts && position.instrument.index() < instruments;
        if !of.positions.iter().all(is_known) {
            return Err(bad("position"));
        }
        of.index_positions();
        take_into(&mut of.sums, bytes, |bytes| {
            Ok(crate::clearing::Sums {
                open: Field::take(bytes)?,
                value: Field::take(bytes)?,
                initial: Field::take(bytes)?,
                maintenance: Field::take(bytes)?,
                held: Field::take(bytes)?,
                was_margined: Field::take(bytes)?,
            })
        })?;
        for stage in &mut of.stages {
            *stage = Stage::of(u8::take(bytes)?).ok_or(bad("stage"))?;
        }
        for member in &mut of.members {
            *member = take_option(bytes)?;
        }
        let asked = take_list(bytes, |bytes| {
            let key = (AssetId::take(bytes)?, AssetId::take(bytes)?, AccountId::take(bytes)?);
            let (initial, maintenance) = (Field::take(bytes)?, Field::take(bytes)?);
            Ok((key, Asked { initial, maintenance, held: Field::take(bytes)? }))
        })?;
        of.asked = asked.into_iter().collect();
        take_into(&mut of.pools, bytes, Field::take)?;
        of.traded = Field::take(bytes)?;
        of.trades = take_list(bytes, TradeRecord::take)?.into();
        of.to_review = take_list(bytes, AccountId::take)?.into();
        for account in &of.to_review {
            *of.is_queued.get_mut(Self::row(*account)).ok_or(bad("account"))? = true;
        }
        of.auctions = take_list(bytes, Auction::take)?;
        of.next_bilateral = Field::take(bytes)?;
        of.bilaterals = take_list(bytes, Bilateral::take)?;
        of.take_payoffs(bytes)?;
        of.refresh_timer();
        Ok(of)
    }

    /// BLAKE3 of the state: what two replicas must agree on.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = Vec::new();
        self.encode(&mut bytes);
        *blake3::hash(&bytes).as_bytes()
    }
}
