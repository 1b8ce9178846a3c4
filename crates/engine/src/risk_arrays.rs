//! From parameters and a market to risk arrays: what stands between `model`, which prices in floats, and `margin`,
//! which knows integers only.
//!
//! One call takes all products of one underlying with one settlement asset. It decides what a leg is (where it nets,
//! which options are a pair, in what order legs stand), and leaves every price to `model`. A product without a forward,
//! a vol or a price above zero is named and nothing is made: a risk array with a hole in it would margin too little.

use core::fmt;

use tiderace_margin::arrays::{DECIMALS, Scale};
use tiderace_margin::{ArraysError, Expiry, Factor, Leg, LegKind, Params, ParamsError, RiskArrays, Terms, VolMove};
use tiderace_model::risk_array::{
    DeltaOne, Discount, ExpiryShocks, ForwardMove, Market, OptionTerms, Payoff, Shock, Shocks, Skew, VolMove as Move,
    VolShock, from_rate, to_entry_up,
};
use tiderace_types::{Instrument, InstrumentKind, PutOrCall, Rate, Reason, Style};

/// 10^-24 (lot x multiplier) in 10^-18.
const PRODUCT_TO_RATE: i128 = 1_000_000;
const NS_A_YEAR: f64 = 365.0 * 86_400.0 * 1e9;

/// One maturity as it stands in the market.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Maturity {
    /// When.
    pub maturity_ns: i64,
    /// The underlying's forward, in the quote asset.
    pub forward: Rate,
    /// Value today of one unit paid then.
    pub discount: Rate,
    /// Continuous rate a year.
    pub rate: Rate,
}

/// An instrument that may be held.
#[derive(Clone, Copy, Debug)]
pub struct Product<'a> {
    /// Its definition.
    pub instrument: &'a Instrument,
    /// Its vol; of no use but for options and binaries.
    pub vol: Option<Rate>,
    /// Its mark; of no use for options and binaries. A perpetual without one stands at the index, a future at its
    /// forward.
    pub mark: Option<Rate>,
}

/// All that margin needs to know about one underlying.
#[derive(Clone, Copy, Debug)]
pub struct Underlying<'a> {
    /// The time.
    pub now_ns: i64,
    /// The index, in the quote asset.
    pub index: Rate,
    /// Maturities, each once, in any order.
    pub maturities: &'a [Maturity],
    /// Products, in any order.
    pub products: &'a [Product<'a>],
    /// Digits of a base unit of the settlement asset.
    pub settle_decimals: u32,
}

/// Why there are no arrays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RiskArraysError {
    /// The parameters, or the arrays as a whole.
    Arrays(ArraysError),
    /// The index is not above zero.
    Index(Rate),
    /// `model` refuses the maturity.
    Maturity(i64, Reason),
    /// The product's maturity has no forward.
    NoForward(String),
    /// The option has no vol.
    NoVol(String),
    /// Of another underlying or settlement asset than the first, or of a kind that scenarios say nothing about.
    NotOfTheBook(String),
    /// An option or a binary without maturity, strike or side, or a size that does not fit.
    Terms(String),
    /// `model` refuses the product.
    Product(String, Reason),
}

impl fmt::Display for RiskArraysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Arrays(error) => write!(f, "{error}"),
            Self::Index(value) => {
                write!(f, "an index of {} is not above zero", tiderace_types::decimal::format(value.get(), 18))
            }
            Self::Maturity(ns, reason) => write!(f, "the maturity at {ns} ns: {}", reason.rule()),
            Self::NoForward(symbol) => write!(f, "{symbol}: its maturity has no forward"),
            Self::NoVol(symbol) => write!(f, "{symbol}: it has no vol"),
            Self::NotOfTheBook(symbol) => {
                write!(f, "{symbol}: scenarios move perpetuals, futures, options of one underlying and settlement")
            }
            Self::Terms(symbol) => write!(f, "{symbol}: maturity, strike, side or size are missing or do not fit"),
            Self::Product(symbol, reason) => write!(f, "{symbol}: {}", reason.rule()),
        }
    }
}

impl std::error::Error for RiskArraysError {}

/// A checked set of parameters, as margin and as model want it: made once, used for every change of the market.
#[derive(Clone, Debug)]
pub struct RiskModel {
    params: Params,
    shocks: Shocks,
}

impl RiskModel {
    /// # Errors
    /// [`ParamsError`].
    pub fn new(params: Params) -> Result<Self, ParamsError> {
        params.check()?;
        let shocks = shocks(&params);
        Ok(Self { params, shocks })
    }

    /// The parameters.
    #[must_use]
    pub const fn params(&self) -> &Params {
        &self.params
    }

    /// Prices every product in every scenario.
    ///
    /// # Errors
    /// [`RiskArraysError`].
    pub fn arrays(&self, of: &Underlying<'_>) -> Result<RiskArrays, RiskArraysError> {
        if of.index.get() <= 0 {
            return Err(RiskArraysError::Index(of.index));
        }
        let mut maturities = of.maturities.to_vec();
        maturities.sort_unstable_by_key(|maturity| maturity.maturity_ns);
        let shocked = maturities.iter().map(|maturity| self.shocked(of.now_ns, maturity));
        let shocked = shocked.collect::<Result<Vec<ExpiryShocks>, _>>()?;
        let order = in_order(of.products, &maturities)?;
        let mut rows = Vec::with_capacity(order.len().saturating_mul(self.shocks.width()));
        let mut legs: Vec<Leg> = Vec::with_capacity(order.len());
        for (kind, product) in &order {
            let expiry = match kind {
                LegKind::Perpetual => None,
                LegKind::Option { expiry } | LegKind::Future { expiry } => {
                    let at = usize::from(*expiry);
                    maturities.get(at).zip(shocked.get(at))
                }
            };
            legs.push(self.leg(of.index, *kind, product, expiry, &mut rows)?);
        }
        pair(&mut legs, &order);
        let expiries = maturities.iter().zip(&shocked).map(|(maturity, shocks)| {
            let scale = |value: i64| Scale::new(value).ok_or(Reason::NotANumber);
            let scales = || Ok([scale(shocks.long)?, scale(shocks.short)?, scale(shocks.share)?]);
            let [long, short, forward] =
                scales().map_err(|reason| RiskArraysError::Maturity(maturity.maturity_ns, reason))?;
            Ok(Expiry { maturity_ns: maturity.maturity_ns, long, short, forward })
        });
        let expiries = expiries.collect::<Result<Vec<Expiry>, _>>()?;
        RiskArrays::new(&self.params, of.settle_decimals, expiries, legs, rows).map_err(RiskArraysError::Arrays)
    }

    fn shocked(&self, now_ns: i64, maturity: &Maturity) -> Result<ExpiryShocks, RiskArraysError> {
        let left_ns = maturity.maturity_ns.checked_sub(now_ns);
        let refused = |reason| RiskArraysError::Maturity(maturity.maturity_ns, reason);
        let left_ns = left_ns.ok_or_else(|| refused(Reason::BadTime))?;
        let market = Market {
            forward: from_rate(maturity.forward),
            discount: from_rate(maturity.discount),
            rate: from_rate(maturity.rate),
            // A whole number of nanoseconds is one of 10^-18 too: one way from integers to floats.
            t: from_rate(Rate::new(i128::from(left_ns))) * (1e18 / NS_A_YEAR),
        };
        ExpiryShocks::new(&self.shocks, &market).map_err(refused)
    }

    fn leg(
        &self,
        index: Rate,
        kind: LegKind,
        product: &Product<'_>,
        expiry: Option<(&Maturity, &ExpiryShocks)>,
        rows: &mut Vec<i64>,
    ) -> Result<Leg, RiskArraysError> {
        let instrument = product.instrument;
        let ill = || RiskArraysError::Terms(instrument.symbol.clone());
        let refused = |reason| RiskArraysError::Product(instrument.symbol.clone(), reason);
        let lot = i128::from(instrument.lot_size).checked_mul(i128::from(instrument.contract_multiplier));
        let unit = from_rate(Rate::new(lot.and_then(|lot| lot.checked_div(PRODUCT_TO_RATE)).ok_or_else(ill)?));
        let is_inverse = instrument.style == Style::Inverse;
        let mark = product.mark.or(expiry.map(|(maturity, _)| maturity.forward)).unwrap_or(index);
        let index = from_rate(index);
        let notional = match kind {
            LegKind::Perpetual | LegKind::Future { .. } => {
                let moves = DeltaOne { mark: from_rate(mark), unit, is_inverse };
                self.shocks.delta_one(&moves, rows).map_err(refused)?;
                if is_inverse { unit / index } else { unit * index }
            }
            LegKind::Option { .. } => {
                let (_, shocks) = expiry.ok_or_else(ill)?;
                let vol = product.vol.ok_or_else(|| RiskArraysError::NoVol(instrument.symbol.clone()))?;
                let strike = instrument.strike_price.and_then(|strike| instrument.rate(strike)).ok_or_else(ill)?;
                let payoff = match (instrument.kind, is_inverse) {
                    (InstrumentKind::Binary, _) => Payoff::Binary,
                    (_, true) => Payoff::Coin,
                    (_, false) => Payoff::Linear,
                };
                let put_or_call = instrument.put_or_call.ok_or_else(ill)?;
                let (strike, vol) = (from_rate(strike), from_rate(vol));
                let terms = OptionTerms { strike, put_or_call, vol, unit, payoff };
                shocks.option(&terms, rows).map_err(refused)?;
                match payoff {
                    Payoff::Linear => unit * index,
                    Payoff::Coin | Payoff::Binary => unit,
                }
            }
        };
        Ok(Leg {
            instrument: instrument.id,
            kind,
            notional: to_entry_up(notional).map_err(refused)?,
            pair: None,
            terms: Terms::of(instrument, DECIMALS).ok_or_else(ill)?,
            mark,
        })
    }
}

/// Parameters as `model` wants them.
fn shocks(params: &Params) -> Shocks {
    let f = |factor: Factor| from_rate(factor.rate());
    let vol = &params.vol_shock;
    let scenarios = params.scenarios.iter().map(|scenario| Shock {
        spot: f(params.spot_factor(scenario.spot)),
        vol: match scenario.vol {
            VolMove::None => Move::None,
            VolMove::Up => Move::Up,
            VolMove::Down => Move::Down,
            VolMove::Linear => Move::Linear,
            VolMove::Abs => Move::Abs,
        },
    });
    let skew = params.skew.as_ref().map(|skew| Skew {
        linear_cap: f(skew.linear_cap),
        linear_slope: f(skew.linear_slope),
        abs_cap: f(skew.abs_cap),
        abs_slope: f(skew.abs_slope),
        min_width: f(skew.min_width),
        width_scale: f(skew.width_scale),
        vol_static: f(skew.vol_static),
        vol_slope: f(skew.vol_slope),
    });
    let forward = params.forward_contingency.as_ref().zip(params.forward_factors());
    Shocks {
        scenarios: scenarios.collect(),
        vol: VolShock {
            up: f(vol.up),
            down: f(vol.down),
            short_term_power: f(vol.short_term_power),
            long_term_power: f(vol.long_term_power),
            days_floor: f(vol.days_floor),
            reference_days: f(vol.reference_days),
            min_vol_up: f(vol.min_vol_up),
        },
        skew,
        discount: params.discount.as_ref().map(|discount| Discount {
            long_static: f(discount.long_static),
            long_rate_mult: f(discount.long_rate_mult),
            long_rate_add: f(discount.long_rate_add),
            short_static: f(discount.short_static),
            short_rate_mult: f(discount.short_rate_mult),
            short_rate_add: f(discount.short_rate_add),
        }),
        forward: forward.map(|(share, [up, down])| ForwardMove {
            up: f(up),
            down: f(down),
            add: f(share.add),
            mult: f(share.mult),
        }),
    }
}

/// Products with the way they net, in the order that arrays want: perpetuals, then by expiry options, by strike so that
/// pairs stand together, before futures.
fn in_order<'a>(
    products: &'a [Product<'a>],
    maturities: &[Maturity],
) -> Result<Vec<(LegKind, &'a Product<'a>)>, RiskArraysError> {
    let book = products.first().map(|first| (first.instrument.base, first.instrument.settle));
    let mut order = Vec::with_capacity(products.len());
    for product in products {
        let instrument = product.instrument;
        let refused = || RiskArraysError::NotOfTheBook(instrument.symbol.clone());
        if book != Some((instrument.base, instrument.settle)) {
            return Err(refused());
        }
        let expiry = || {
            let no_forward = || RiskArraysError::NoForward(instrument.symbol.clone());
            let ns = instrument.maturity_ns.ok_or_else(|| RiskArraysError::Terms(instrument.symbol.clone()))?;
            let at = maturities.binary_search_by_key(&ns, |maturity| maturity.maturity_ns);
            at.ok().and_then(|at| u16::try_from(at).ok()).ok_or_else(no_forward)
        };
        let kind = match instrument.kind {
            InstrumentKind::Perpetual => LegKind::Perpetual,
            InstrumentKind::Future => LegKind::Future { expiry: expiry()? },
            InstrumentKind::Option | InstrumentKind::Binary => LegKind::Option { expiry: expiry()? },
            InstrumentKind::Spot | InstrumentKind::Program => return Err(refused()),
        };
        order.push((kind, product));
    }
    order.sort_by_key(|(kind, product)| {
        let (group, expiry) = match kind {
            LegKind::Perpetual => (0, 0),
            LegKind::Option { expiry } => (1, *expiry),
            LegKind::Future { expiry } => (2, *expiry),
        };
        let strike = product.instrument.strike_price.and_then(|strike| product.instrument.rate(strike));
        (group != 0, expiry, group, strike, product.instrument.id)
    });
    Ok(order)
}

/// Names to each option the first of the other kind that has its expiry, strike and size and no pair yet.
fn pair(legs: &mut [Leg], order: &[(LegKind, &Product<'_>)]) {
    let terms = |(kind, product): &(LegKind, &Product<'_>)| {
        let instrument = product.instrument;
        let strike = instrument.strike_price.and_then(|strike| instrument.rate(strike));
        let size = i128::from(instrument.lot_size).checked_mul(i128::from(instrument.contract_multiplier));
        (instrument.kind == InstrumentKind::Option).then_some((*kind, strike, size, instrument.style))
    };
    let other = |one: Option<PutOrCall>, other: Option<PutOrCall>| one.is_some() && other.is_some() && one != other;
    for at in 0..legs.len() {
        let Some(one) = order.get(at) else { return };
        if terms(one).is_none() || legs.get(at).is_none_or(|leg| leg.pair.is_some()) {
            continue;
        }
        // Legs of a strike stand together, so that the search ends at the next strike.
        let strike =
            |of: &(LegKind, &Product<'_>)| (of.0, of.1.instrument.strike_price.map(|p| of.1.instrument.rate(p)));
        let rest = order.iter().enumerate().skip(at.saturating_add(1));
        let found = rest.take_while(|(_, two)| strike(two) == strike(one)).find(|(index, two)| {
            terms(two) == terms(one)
                && other(one.1.instrument.put_or_call, two.1.instrument.put_or_call)
                && legs.get(*index).is_some_and(|leg| leg.pair.is_none())
        });
        let Some((two, _)) = found else { continue };
        let (back, forth) = (u32::try_from(at).ok(), u32::try_from(two).ok());
        if let Some(leg) = legs.get_mut(at) {
            leg.pair = forth;
        }
        if let Some(leg) = legs.get_mut(two) {
            leg.pair = back;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tiderace_margin::{Portfolio, sets};
    use tiderace_types::{Amount, AssetId, InstrumentId, Price, Qty, VenueId};

    const NOW: i64 = 1_767_225_600_000_000_000;
    const DAY: i64 = 86_400_000_000_000;

    fn rate(text: &str) -> Rate {
        Factor::parse(text).unwrap().rate()
    }

    fn instrument(id: u16, kind: InstrumentKind, strike: i64, put_or_call: Option<PutOrCall>) -> Instrument {
        Instrument {
            id: InstrumentId(id),
            version: 1,
            venue: VenueId(0),
            symbol: format!("{kind:?}-{strike}-{put_or_call:?}"),
            kind,
            style: Style::Linear,
            base: AssetId(0),
            quote: AssetId(1),
            settle: AssetId(1),
            base_decimals: 8,
            quote_decimals: 6,
            tick_size: 1_000_000_000_000,
            lot_size: 1_000_000_000,
            contract_multiplier: 1_000_000_000_000,
            min_order_qty: Qty::ZERO,
            max_order_qty: Qty::MAX,
            min_notional: Amount::ZERO,
            maturity_ns: Some(NOW + 30 * DAY),
            strike_price: (strike > 0).then_some(Price::new(strike)),
            put_or_call,
        }
    }

    fn model(name: &str) -> RiskModel {
        RiskModel::new(sets::parse(sets::text(name).unwrap()).unwrap()).unwrap()
    }

    fn maturity() -> Maturity {
        let [forward, discount] = ["101", "0.99"].map(rate);
        Maturity { maturity_ns: NOW + 30 * DAY, forward, discount, rate: rate("0.05") }
    }

    fn arrays(model: &RiskModel, products: &[Product<'_>]) -> Result<RiskArrays, RiskArraysError> {
        let maturities = [maturity()];
        model.arrays(&Underlying {
            now_ns: NOW,
            index: rate("100"),
            maturities: &maturities,
            products,
            settle_decimals: 6,
        })
    }

    fn product(instrument: &Instrument) -> Product<'_> {
        Product { instrument, vol: Some(rate("0.6")), mark: None }
    }

    #[test]
    fn legs_stand_in_order_and_options_of_one_strike_are_a_pair() {
        let (call, put) = (Some(PutOrCall::Call), Some(PutOrCall::Put));
        let all = [
            instrument(0, InstrumentKind::Future, 0, None),
            instrument(1, InstrumentKind::Option, 110, put),
            instrument(2, InstrumentKind::Option, 90, call),
            instrument(3, InstrumentKind::Perpetual, 0, None),
            instrument(4, InstrumentKind::Option, 110, call),
            instrument(5, InstrumentKind::Binary, 90, put),
        ];
        let products: Vec<_> = all.iter().map(product).collect();
        let arrays = arrays(&model("derive_pmrm"), &products).unwrap();
        let ids: Vec<u16> = arrays.legs().iter().map(|leg| leg.instrument.0).collect();
        assert_eq!(ids, [3, 2, 5, 1, 4, 0]);
        let pairs: Vec<_> = arrays.legs().iter().map(|leg| leg.pair).collect();
        assert_eq!(pairs, [None, None, None, Some(4), Some(3), None]);
        let short_straddle = Portfolio::of(&arrays, &[(3, -1_000), (4, -1_000)]).unwrap();
        assert!(short_straddle.requirement(&arrays).unwrap().maintenance > Amount::ZERO);
    }

    #[test]
    fn what_is_missing_is_named_and_nothing_is_made() {
        let call = instrument(0, InstrumentKind::Option, 110, Some(PutOrCall::Call));
        let model = model("deribit_pm");
        let symbol = call.symbol.clone();
        let blind = Product { vol: None, ..product(&call) };
        assert_eq!(arrays(&model, &[blind]), Err(RiskArraysError::NoVol(symbol.clone())));
        let far = Instrument { maturity_ns: Some(NOW + DAY), ..call.clone() };
        assert_eq!(arrays(&model, &[product(&far)]), Err(RiskArraysError::NoForward(symbol.clone())));
        let bare = Instrument { put_or_call: None, ..call.clone() };
        assert_eq!(arrays(&model, &[product(&bare)]), Err(RiskArraysError::Terms(symbol.clone())));
        let eth = Instrument { base: AssetId(7), ..call.clone() };
        assert_eq!(
            arrays(&model, &[product(&call), product(&eth)]),
            Err(RiskArraysError::NotOfTheBook(symbol.clone()))
        );
        let spot = Instrument { kind: InstrumentKind::Spot, ..call.clone() };
        assert_eq!(arrays(&model, &[product(&spot)]), Err(RiskArraysError::NotOfTheBook(symbol.clone())));
        let wild = Product { vol: Some(rate("-0.1")), ..product(&call) };
        assert_eq!(arrays(&model, &[wild]), Err(RiskArraysError::Product(symbol, Reason::BadVol)));
        let over = Underlying {
            now_ns: NOW + 31 * DAY,
            index: rate("100"),
            maturities: &[maturity()],
            products: &[product(&call)],
            settle_decimals: 6,
        };
        assert_eq!(model.arrays(&over), Err(RiskArraysError::Maturity(NOW + 30 * DAY, Reason::BadTime)));
        let free = Underlying { now_ns: NOW, index: Rate::new(0), ..over };
        assert_eq!(model.arrays(&free), Err(RiskArraysError::Index(Rate::new(0))));
    }

    #[test]
    fn without_a_discount_an_unshocked_portfolio_loses_and_gains_nothing() {
        let call = instrument(0, InstrumentKind::Option, 100, Some(PutOrCall::Call));
        let product = product(&call);
        let maturities = [Maturity { discount: rate("1.02"), ..maturity() }];
        let model = model("deribit_pm");
        let of = Underlying {
            now_ns: NOW,
            index: rate("100"),
            maturities: &maturities,
            products: &[product],
            settle_decimals: 6,
        };
        let arrays = model.arrays(&of).unwrap();
        let report = Portfolio::of(&arrays, &[(0, -1_000)]).unwrap().report(&arrays).unwrap();
        let unmoved = model.params().scenarios.iter().position(|s| s.spot == Factor::ZERO && s.vol == VolMove::None);
        assert_eq!(report.rows[unmoved.unwrap()].pnl, Amount::ZERO);
    }

    #[test]
    fn a_coin_option_is_worth_its_linear_twin_divided_by_the_forward() {
        let linear = instrument(0, InstrumentKind::Option, 100, Some(PutOrCall::Put));
        let coin = Instrument { style: Style::Inverse, settle: AssetId(0), ..linear.clone() };
        let model = model("deribit_pm");
        let (linear, coin) = (arrays(&model, &[product(&linear)]).unwrap(), arrays(&model, &[product(&coin)]).unwrap());
        let unshocked = model.params().scenarios.len();
        let at = |arrays: &RiskArrays| arrays.row(0).unwrap()[unshocked];
        assert!((at(&linear) / 101 - at(&coin)).abs() <= 1);
    }
}
