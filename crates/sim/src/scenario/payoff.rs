//! The words of payoffs: the command `list_payoff`.
//!
//! It says `symbol`, `form` (the program in hex; `program`, the file that it was compiled from, is for people), `params`
//! (`{name: value}`: prices, and amounts of a lot as the price that they are, on the tick; others in their own unit),
//! `observe` (a list of times, or `{"from", "every"}`), and the terms of margin: `vol`, `vol_shock`, `price_shock`,
//! `maintenance`, `paths`, `seed`.

use tiderace_program::{Arg, Form, RecordField, Scalar, Type, TypeDef};
use tiderace_types::instrument::STEP_DECIMALS;
use tiderace_types::venue::{Command, ListPayoff, PayoffTerms};
use tiderace_types::{Amount, Fraction, Instrument, Reason, Refusal, Ts, decimal};

use super::command::About;
use super::gateway::{Gateway, NOBODY, price, qty};
use super::json::{Bad, Object};
use super::setup::fraction;
use super::time;

const KEYS: &[&str] = &[
    "do",
    "symbol",
    "program",
    "form",
    "params",
    "observe",
    "vol",
    "vol_shock",
    "price_shock",
    "maintenance",
    "paths",
    "seed",
];
/// Digits of a rate.
const RATE_DECIMALS: u32 = 18;

pub(super) fn list_payoff(line: &Object<'_>, gateway: &mut Gateway) -> Result<Command, Bad> {
    line.only(KEYS)?;
    line.text_or_none("program")?;
    let instrument = gateway.symbol(line.text("symbol")?);
    let (times, first, interval_ns) = observations(line)?;
    let part = |key: &str, usual: Fraction| Ok(fraction(line, key)?.unwrap_or(usual));
    let terms = PayoffTerms {
        instrument,
        first,
        interval_ns,
        vol: Amount::new(line.scaled_or_none("vol", STEP_DECIMALS)?.unwrap_or(0)),
        vol_shock: part("vol_shock", Fraction::ZERO)?,
        price_shock: part("price_shock", Fraction::ZERO)?,
        maintenance: part("maintenance", Fraction::ONE)?,
        paths: line.count_or_none("paths")?.unwrap_or(0),
        seed: line.count_or_none("seed")?.unwrap_or(1).into(),
    };
    let form = hex(line, "form")?;
    let params = match (gateway.definition(instrument), Form::decode(&form)) {
        (Some(definition), Ok((form, _))) => params(line, &form, definition, Reason::BadPayoffParams)?,
        // The venue refuses the instrument or the form.
        (Some(_) | None, _) => Ok(Vec::new()),
    };
    let about = About::plain(ListPayoff::KIND, NOBODY, instrument);
    Ok(about.or_refused(params.map(|params| ListPayoff { terms, times, params, form })))
}

/// Times that are named, or the first and the interval of a regular schedule.
fn observations(line: &Object<'_>) -> Result<(Vec<Ts>, Ts, i64), Bad> {
    if line.value("observe").is_some_and(serde_json::Value::is_object)
        && let Some(schedule) = line.object_or_none("observe")?
    {
        schedule.only(&["from", "every"])?;
        return Ok((Vec::new(), schedule.time("from")?, schedule.duration("every")?));
    }
    let read = |value: &serde_json::Value| {
        let time = value.as_str().and_then(time::parse);
        time.ok_or_else(|| line.bad("observe", format!("{value} is not a time"), "write RFC 3339 UTC times"))
    };
    let times = line.list_or_none("observe")?.unwrap_or_default().iter().map(read).collect::<Result<_, _>>()?;
    Ok((times, Ts::ZERO, 0))
}

pub(super) fn hex(line: &Object<'_>, key: &str) -> Result<Vec<u8>, Bad> {
    let text = line.text(key)?;
    let byte = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    let pairs = text.as_bytes().chunks_exact(2);
    let is_even = pairs.remainder().is_empty();
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    bytes.filter(|_| is_even).ok_or_else(|| line.bad(key, "it is no hex", "write two digits for each byte of the form"))
}

/// The parameters' bytes, or the refusal of one that does not fit its type. A price is on the tick of `instrument`.
pub(super) fn params(
    line: &Object<'_>,
    form: &Form,
    instrument: &Instrument,
    reason: Reason,
) -> Result<Result<Vec<u8>, Refusal>, Bad> {
    let given = line.object_or_none("params")?;
    let Some(record) = form.params else { return Ok(Ok(Vec::new())) };
    let Some(TypeDef::Record { fields, .. }) = form.types.get(usize::from(record)) else { return Ok(Ok(Vec::new())) };
    if let Some(given) = &given {
        given.only(&fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>())?;
    }
    let mut values = Vec::new();
    for (field, decl) in fields.iter().zip(&form.param_decls) {
        let written = given.as_ref().map_or(Ok(None), |given| param(given, field, instrument))?;
        match written.or(decl.default.map(Arg::from)) {
            Some(value) => values.push(value),
            None => return Ok(Err(Refusal::plain(reason))),
        }
    }
    let mut bytes = Vec::new();
    let packed = form.pack(Type::Table(record), &Arg::List(values), &mut bytes);
    Ok(packed.map(|()| bytes).map_err(|_| Refusal::plain(reason)))
}

/// One parameter in its own unit; a price or an amount off the grid is no value of it.
fn param(given: &Object<'_>, field: &RecordField, instrument: &Instrument) -> Result<Option<Arg>, Bad> {
    let name = field.name.as_str();
    let Type::Scalar(scalar) = field.ty else { return Ok(None) };
    if scalar == Scalar::Bool {
        return if given.has(name) { given.flag(name).map(|flag| Some(Arg::Bool(flag))) } else { Ok(None) };
    }
    let Some(text) = given.number_or_none(name)? else { return Ok(None) };
    let ticks = || {
        // Amounts may be zero or below, unlike prices.
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let value = if unsigned.chars().all(|c| c == '0' || c == '.') {
            0
        } else {
            price(instrument, unsigned)
                .map_err(|refusal| given.bad(name, refusal.reason.rule(), "write whole ticks"))?
                .get()
        };
        Ok(i128::from(if unsigned == text { value } else { value.saturating_neg() }))
    };
    let whole = |decimals| {
        let read = decimal::parse(text, decimals);
        read.map_err(|error| given.bad(name, error.to_string(), "write a number that its type holds"))
    };
    Ok(Some(match scalar {
        Scalar::Price | Scalar::Amount => Arg::Int(ticks()?),
        Scalar::Qty => {
            let lots = qty(instrument, text);
            Arg::Int(lots.map_err(|refusal| given.bad(name, refusal.reason.rule(), "write whole lots"))?.get().into())
        }
        Scalar::Rate => Arg::Int(whole(RATE_DECIMALS)?),
        Scalar::Int | Scalar::I128 | Scalar::Bool => Arg::Int(whole(0)?),
        Scalar::Float => Arg::Float(text.parse().unwrap_or(0.0)),
    }))
}
