//! Prices as they arrive: marks, indices, settlement prices.

use tiderace_types::{Amount, AssetId, InstrumentId, Price, Reason, Refusal};

use crate::clearing::Clearing;

impl Clearing {
    /// Carries an instrument's sums over time on to now.
    pub(crate) fn accrue(&mut self, instrument: InstrumentId) {
        let (mark, now) = (self.mark(instrument), self.now);
        let Some(contract) = self.contracts.get(instrument.index()) else { return };
        let index = self.index(contract.base());
        if let Some(market) = self.markets.get_mut(instrument.index()) {
            market.accrue(now, contract, mark, index);
        }
    }

    /// A mark price. Every position of the instrument is taken anew; [`Self::review`] then says who must be asked.
    ///
    /// # Errors
    /// [`Reason::UnknownSymbol`], [`Reason::BadPrice`].
    pub fn set_mark(&mut self, instrument: InstrumentId, price: Price) -> Result<(), Refusal> {
        let contract = self.check_instrument(instrument)?;
        let is_good =
            price > Price::ZERO || (contract.is_premium() && price == Price::ZERO) || self.may_be_negative(instrument);
        if !is_good || !contract.fits(tiderace_types::Qty::ZERO, price) {
            return Err(Refusal::new(Reason::BadPrice, price.get(), 1));
        }
        self.accrue(instrument);
        if let Some(market) = self.markets.get_mut(instrument.index()) {
            market.mark = Some(price);
        }
        self.revalue_all(instrument);
        Ok(())
    }

    /// Whether an instrument was settled and trades no more.
    #[must_use]
    pub fn is_settled(&self, instrument: InstrumentId) -> bool {
        self.markets.get(instrument.index()).is_some_and(|market| market.is_settled)
    }

    pub(crate) fn may_be_negative(&self, instrument: InstrumentId) -> bool {
        use tiderace_types::{InstrumentKind, Style};
        self.config.contracts.get(instrument.index()).is_some_and(|terms| {
            terms.instrument.kind == InstrumentKind::Future && terms.instrument.style != Style::Inverse
        })
    }

    /// An index price of a base asset, in steps of 10^-12 of the quote asset.
    ///
    /// # Errors
    /// [`Reason::UnknownAsset`], [`Reason::BadPrice`].
    pub fn set_index(&mut self, base: AssetId, price: Amount) -> Result<(), Refusal> {
        if base.index() >= self.indices.len() {
            return Err(Refusal::new(Reason::UnknownAsset, base.0, 0));
        }
        if price <= Amount::ZERO || price.get() > 1 << 96 {
            return Err(Refusal::new(Reason::BadPrice, price.get(), 1));
        }
        for row in 0..self.contracts.len() {
            if self.contracts.get(row).is_some_and(|contract| contract.base() == base) {
                self.accrue(instrument_of(row));
            }
        }
        if let Some(index) = self.indices.get_mut(base.index()) {
            index.price = Some(price.get());
        }
        for row in 0..self.contracts.len() {
            let needs = self.contracts.get(row).is_some_and(|contract| {
                let has_mark = self.markets.get(row).is_some_and(|of| of.mark.is_some() && of.basis_max.is_none());
                contract.base() == base && (contract.is_premium() || (contract.is_marked() && !has_mark))
            });
            if needs {
                if !self.is_settled(instrument_of(row)) {
                    self.revalue_payoff(instrument_of(row));
                }
                self.revalue_all(instrument_of(row));
            }
        }
        Ok(())
    }

    /// A settlement price: it replaces the average of the index.
    ///
    /// # Errors
    /// [`Reason::UnknownSymbol`], [`Reason::BadPrice`], [`Reason::InstrumentExpired`].
    pub fn set_settlement(&mut self, instrument: InstrumentId, price: Price) -> Result<(), Refusal> {
        self.check_instrument(instrument)?;
        if price <= Price::ZERO && !self.may_be_negative(instrument) {
            return Err(Refusal::new(Reason::BadPrice, price.get(), 1));
        }
        let market = self.markets.get_mut(instrument.index());
        match market {
            Some(market) if !market.is_settled => {
                market.settlement = Some(price);
                self.refresh_timer();
                Ok(())
            }
            Some(_) | None => Err(Refusal::new(Reason::InstrumentExpired, instrument.0, 0)),
        }
    }
}

pub(crate) fn instrument_of(row: usize) -> InstrumentId {
    InstrumentId(u16::try_from(row).unwrap_or(u16::MAX))
}
