//! What a listing must hold: a program that verifies, the contract's entries, declared bounds, times, a valuation.

use std::sync::Arc;

use tiderace_program::{Arg, Form, HostTable, Program, Scalar, Type, TypeDef};
use tiderace_types::venue::{ListPayoff, PayoffTerms};
use tiderace_types::{Amount, Fraction, InstrumentKind, Reason, Refusal, Style, Ts};

use super::paths::draws;
use super::run::{Engine, Run};
use super::value::within;
use super::{Ask, Bounds, CALL_FUEL, CALL_FUEL_MAX, Checked, Entry, Payoff, Told, Valuation, count_of};
use crate::config::ContractTerms;
use crate::contract::Contract;
use crate::market::NEVER;

/// From one observation to the next at least: a clock that jumps a year must not do more than this many.
const INTERVAL_MIN_NS: i64 = 60_000_000_000;
/// Draws of a valuation by paths at most: paths x (observations + 1).
const DRAWS_MAX: u64 = 65_536;
/// Base units that a lot may move at most.
const WORST_MAX: i128 = 1 << 64;
/// Vol at most, 10^-12: with its shock it is still a whole number of 10^-18 of 64 bits.
const VOL_MAX: i128 = 4_000_000_000_000;
/// Prices at which a payout is tried, in ticks: powers of four.
const TRIAL_POWERS: u32 = 20;

const fn plain(reason: Reason) -> Refusal {
    Refusal::plain(reason)
}

impl Checked {
    /// Reads a listing against its instrument. It is a function of both alone, so that a snapshot may do it again.
    pub(super) fn of(terms: &ContractTerms, contract: &Contract, listing: &ListPayoff) -> Result<Self, Refusal> {
        let maturity = terms.instrument.maturity_ns.map_or(NEVER, Ts::new);
        let is_program = terms.instrument.kind == InstrumentKind::Program && terms.instrument.style != Style::Inverse;
        let unit = contract.tick_of_a_lot().filter(|_| is_program && is_in_range(&listing.terms));
        let unit = unit.ok_or(plain(Reason::BadPayoffTerms))?;
        let program = Program::load(&listing.form, &HostTable::default()).map_err(|_| plain(Reason::BadProgram))?;
        let form = program.form();
        let meta = |key: &str| form.meta.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str());
        if meta("kind") != Some("payoff") {
            return Err(plain(Reason::NotAPayoff));
        }
        let fuel = meta("fuel").map_or(Ok(CALL_FUEL), str::parse::<u64>).ok();
        let fuel = fuel.filter(|fuel| (1..=CALL_FUEL_MAX).contains(fuel)).ok_or(plain(Reason::NotAPayoff))?;
        let on_observation = entry(&program, "on_observation", &[None, Some(Scalar::Amount)], OBSERVATION)?;
        let payout = entry(&program, "payout", &[Some(Scalar::Amount)], PAYOUT)?;
        let value = entry(&program, "value", &[Some(Scalar::Amount)], VALUE)?;
        if payout.is_none() && maturity != NEVER {
            return Err(plain(Reason::NotAPayoff));
        }
        let params = params(&program, &listing.params).ok_or(plain(Reason::BadPayoffParams))?;
        let has_flows = on_observation.as_ref().is_some_and(|entry| entry.pays);
        let bounds = bounds(form, &params, has_flows).ok_or(plain(Reason::UnboundedPayoff))?;
        check_times(listing, maturity, on_observation.is_some(), meta("observations"))?;
        // Paths are of the index: what the mark will be, nobody draws.
        let asks_mark = on_observation.as_ref().is_some_and(|entry| entry.asks.contains(&Ask::Mark));
        let valuation = match meta("valuation") {
            Some("closed_form") if value.is_some() => Valuation::ClosedForm,
            Some("paths") if maturity != NEVER && can_draw(listing, maturity) && !asks_mark => Valuation::Paths,
            Some("worst_loss") if maturity != NEVER => Valuation::WorstLoss,
            Some(_) | None => return Err(plain(Reason::NoValuation)),
        };
        let program = Arc::new(program);
        Ok(Self { program, valuation, on_observation, payout, value, bounds, fuel, maturity, unit })
    }
}

fn is_in_range(terms: &PayoffTerms) -> bool {
    let is_part = |part: Fraction| (0..=Fraction::ONE.get()).contains(&part.get());
    (0..=VOL_MAX).contains(&terms.vol.get())
        && is_part(terms.vol_shock)
        && is_part(terms.price_shock)
        && is_part(terms.maintenance)
        && terms.maintenance.get() > 0
}

type Asks = &'static [(&'static str, Ask)];
const OBSERVATION: Asks =
    &[("price", Ask::Price), ("mark", Ask::Mark), ("now_ns", Ask::NowNs), ("number", Ask::Number)];
const PAYOUT: Asks = &[("price", Ask::Price)];
const VALUE: Asks = &[("price", Ask::Price), ("vol", Ask::Vol), ("now_ns", Ask::NowNs), ("t_left_ns", Ask::TimeLeftNs)];

const fn scalar_of(ask: Ask) -> Scalar {
    match ask {
        Ask::Price | Ask::Mark => Scalar::Price,
        Ask::Vol => Scalar::Rate,
        Ask::NowNs | Ask::TimeLeftNs | Ask::Number => Scalar::Int,
    }
}

/// An entry by its name, where the program has it: its arguments are those of the contract, and so is its result.
fn entry(program: &Program, name: &str, results: &[Option<Scalar>], known: Asks) -> Result<Option<Entry>, Refusal> {
    let Some(number) = program.entry(name) else { return Ok(None) };
    let wrong = plain(Reason::NotAPayoff);
    let declared = program.entries().get(number).filter(|entry| results.contains(&entry.result)).ok_or(wrong)?;
    let ask = |(name, ty): &(String, Type)| {
        let (_, ask) = known.iter().find(|(known, _)| known == name)?;
        (*ty == Type::Scalar(scalar_of(*ask))).then_some(*ask)
    };
    let asks = declared.params.iter().map(ask).collect::<Option<Vec<_>>>().ok_or(wrong)?;
    Ok(Some(Entry { number, asks, pays: declared.result.is_some() }))
}

/// Values of the parameters, within their declared ranges, from exactly their bytes.
fn params(program: &Program, bytes: &[u8]) -> Option<Vec<Arg>> {
    let form = program.form();
    let Some(record) = form.params else { return bytes.is_empty().then(Vec::new) };
    let mut rest = bytes;
    let all = form.unpack(Type::Table(record), &mut rest).ok()?;
    let mut again = Vec::new();
    form.pack(Type::Table(record), &all, &mut again).ok()?;
    // One value has one encoding.
    if again != bytes {
        return None;
    }
    let Arg::List(values) = all else { return None };
    let is_good = values.iter().zip(&form.param_decls).all(|(value, decl)| {
        let (least, most) = (decl.min.map(Arg::from), decl.max.map(Arg::from));
        least.is_none_or(|least| is_ordered(&least, value)) && most.is_none_or(|most| is_ordered(value, &most))
    });
    is_good.then_some(values)
}

fn is_ordered(one: &Arg, other: &Arg) -> bool {
    match (one, other) {
        (Arg::Int(one), Arg::Int(other)) => one <= other,
        (Arg::Float(one), Arg::Float(other)) => one <= other,
        (Arg::Int(_) | Arg::Bool(_) | Arg::Float(_) | Arg::List(_), _) => false,
    }
}

/// An amount among the parameters, by its name.
fn amount(form: &Form, params: &[Arg], name: &str) -> Option<i128> {
    let TypeDef::Record { fields, .. } = form.types.get(usize::from(form.params?))? else { return None };
    let at = fields.iter().position(|field| field.name == name && field.ty == Type::Scalar(Scalar::Amount))?;
    match params.get(at)? {
        Arg::Int(amount) => Some(*amount),
        Arg::Bool(_) | Arg::Float(_) | Arg::List(_) => None,
    }
}

fn bounds(form: &Form, params: &[Arg], has_flows: bool) -> Option<Bounds> {
    let named = |name: &str| amount(form, params, name);
    let payout = (named("payout_min")?, named("payout_max")?);
    let fallback = named("fallback")?;
    let flow = if has_flows { (named("flow_min")?, named("flow_max")?) } else { (0, 0) };
    // An observation that is missed pays nothing.
    let is_good = payout.0 <= fallback && fallback <= payout.1 && flow.0 <= 0 && flow.1 >= 0;
    let is_small = [payout.0, payout.1, flow.0, flow.1].iter().all(|bound| bound.saturating_abs() <= WORST_MAX);
    (is_good && is_small).then_some(Bounds { payout, flow, fallback })
}

/// Times that rise, a minute apart, not past the maturity, as many as the program counts on.
fn check_times(listing: &ListPayoff, maturity: Ts, observes: bool, declared: Option<&str>) -> Result<(), Refusal> {
    let terms = &listing.terms;
    let wrong = plain(Reason::BadObservations);
    let is_apart = |one: &Ts, two: &Ts| two.ns_since(*one) >= INTERVAL_MIN_NS;
    let is_regular = terms.interval_ns != 0;
    let is_good = listing.times.is_sorted_by(is_apart)
        && listing.times.last().is_none_or(|last| *last <= maturity)
        && (!is_regular || (terms.interval_ns >= INTERVAL_MIN_NS && listing.times.is_empty()));
    let count = count_of(listing, maturity);
    let is_counted = declared.is_none_or(|declared| declared.parse().ok() == count);
    if is_good && is_counted && observes == (count != Some(0)) { Ok(()) } else { Err(wrong) }
}

fn can_draw(listing: &ListPayoff, maturity: Ts) -> bool {
    let steps = u64::from(count_of(listing, maturity).unwrap_or(u32::MAX)).saturating_add(1);
    let paths = u64::from(listing.terms.paths);
    paths > 0 && paths.saturating_mul(steps) <= DRAWS_MAX
}

impl Payoff {
    /// A payoff from its listing, with the state empty.
    pub(super) fn new(listing: ListPayoff, checked: Checked) -> Self {
        let draws = match (checked.valuation, count_of(&listing, checked.maturity)) {
            (Valuation::Paths, Some(count)) => draws(listing.terms.paths, count.saturating_add(1), listing.terms.seed),
            (Valuation::Paths | Valuation::ClosedForm | Valuation::WorstLoss, _) => Vec::new(),
        };
        let state = vec![0; checked.program.state_bytes()];
        let next = Self::time_of(&listing, 0, checked.maturity);
        let mut payoff =
            Self { listing, checked, state, observed: 0, next, low: 0, high: 0, is_trapped: false, valued: 0, draws };
        (payoff.low, payoff.high) = payoff.worst();
        payoff
    }

    /// What holds of a listing at its time: observations lie ahead, no lot may move more than there is, and the payout
    /// keeps within its bounds wherever it is tried.
    pub(super) fn check_now(&self, engine: &mut Engine, now: Ts) -> Result<(), Refusal> {
        if self.next <= now || self.checked.maturity <= now {
            return Err(Refusal::new(Reason::BadObservations, self.next.min(self.checked.maturity).get(), now.get()));
        }
        if self.most() > WORST_MAX {
            return Err(Refusal::new(Reason::UnboundedPayoff, self.most(), WORST_MAX));
        }
        let Some(entry) = &self.checked.payout else { return Ok(()) };
        for power in 0..=TRIAL_POWERS {
            let price = 4_i64.checked_pow(power).unwrap_or(i64::MAX);
            let told = Told { price, now: self.checked.maturity, ..Told::default() };
            let (params, fuel) = (&self.listing.params[..], self.checked.fuel);
            let run = Run { program: &self.checked.program, entry, params, told: &told, fuel };
            let (ended, _) = engine.call(&run, &mut self.state.clone());
            // A trap may be what an empty state gives: a mean of no observations has no value.
            let Ok(paid) = ended else { continue };
            if within(paid, self.checked.bounds.payout).is_err() {
                return Err(Refusal { reason: Reason::UnboundedPayoff, value: Amount::new(paid), limit: Amount::ZERO });
            }
        }
        Ok(())
    }

    /// Whether a listing is this one, but for the terms of margin.
    pub(super) fn is_same(&self, other: &ListPayoff) -> bool {
        let PayoffTerms { vol, vol_shock, price_shock, maintenance, .. } = other.terms;
        let terms = PayoffTerms { vol, vol_shock, price_shock, maintenance, ..self.listing.terms };
        let ListPayoff { times, params, form, .. } = &self.listing;
        terms == other.terms && *times == other.times && *params == other.params && *form == other.form
    }

    /// Takes other terms of margin.
    pub(super) fn retune(&mut self, terms: PayoffTerms) -> Result<(), Refusal> {
        if !is_in_range(&terms) {
            return Err(plain(Reason::BadPayoffTerms));
        }
        self.listing.terms = terms;
        Ok(())
    }
}
