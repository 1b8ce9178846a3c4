//! The words of portfolio margin: `portfolio_margin` of the venue line and the command `surface`.
//!
//! `portfolio_margin` is a set for every underlying, or an object of underlyings and their sets; a set is the name of one
//! that ships, or a mapping with the keys of its TOML; `surface_max_age` says how old a surface may be that new risk is
//! taken under, of any age where absent. `surface` says `base`, `version`, `forwards` (`[{"maturity",
//! "forward", "discount", "rate"}]`, of which `discount` is 1 and `rate` 0 where absent) and `vols` (`{symbol: vol}`).

use serde_json::Value;
use tiderace_engine::venue::{Params, PortfolioRules, sets};
use tiderace_types::instrument::STEP_DECIMALS;
use tiderace_types::venue::{
    ANY_INSTRUMENT, Command, SURFACE_FORWARDS_MAX, SURFACE_VOLS_MAX, SurfaceForward, SurfacePublished, SurfaceVol,
};
use tiderace_types::{Amount, AssetId, Reason, Refusal, Ts};

use super::command::{About, exact};
use super::gateway::{Gateway, NOBODY};
use super::json::{Bad, Object};
use super::setup::{known_asset, maturity};

const STEP_ONE: i128 = 1_000_000_000_000;

pub(super) fn portfolio_margin(line: &Object<'_>, gateway: &Gateway) -> Result<Vec<PortfolioRules>, Bad> {
    const KEY: &str = "portfolio_margin";
    let bases = gateway.instruments.iter().map(|instrument| instrument.base);
    let bases: std::collections::BTreeSet<AssetId> = bases.collect();
    let max_age_ns = line.duration_or_none("surface_max_age")?;
    match line.value(KEY) {
        None => Ok(Vec::new()),
        Some(value) if is_set(value) => {
            let params = set(line, KEY, value)?;
            Ok(bases.into_iter().map(|base| PortfolioRules { base, params: params.clone(), max_age_ns }).collect())
        }
        Some(value) => {
            let of = Object::new(value, &line.at(KEY))?;
            let rules = of.entries().map(|(name, value)| {
                let base = known_asset(&of, name, name, gateway)?;
                Ok(PortfolioRules { base, params: set(&of, name, value)?, max_age_ns })
            });
            rules.collect()
        }
    }
}

/// A name, or the parameters themselves, in place of a table of underlyings.
fn is_set(value: &Value) -> bool {
    value.is_string() || value.get("scenarios").is_some()
}

fn set(line: &Object<'_>, key: &str, value: &Value) -> Result<Params, Bad> {
    let known = format!("name one of {}, or write its parameters as decimal strings", sets::NAMES.join(" "));
    match value.as_str() {
        Some(name) => {
            let text = sets::text(name).ok_or_else(|| line.bad(key, format!("{name:?} is unknown here"), &known))?;
            sets::parse(text).map_err(|error| line.bad(key, error.to_string(), known))
        }
        None => serde_json::from_value(value.clone()).map_err(|error| line.bad(key, error.to_string(), known)),
    }
}

pub(super) fn surface(line: &Object<'_>, gateway: &mut Gateway) -> Result<Command, Bad> {
    line.only(&["do", "base", "version", "forwards", "vols"])?;
    let base = gateway.asset(line.text("base")?);
    let version = line.count("version")?.into();
    let mut refused = None;
    let mut read =
        |text: Option<&str>, absent: i128| match text.map(|text| exact(text, STEP_DECIMALS, Reason::BadField)) {
            None => Amount::new(absent),
            Some(Ok(value)) => value,
            Some(Err(refusal)) => {
                refused = Some(refusal);
                Amount::ZERO
            }
        };
    let mut forwards = Vec::new();
    for row in line.objects_or_none("forwards")? {
        row.only(&["maturity", "forward", "discount", "rate"])?;
        forwards.push(SurfaceForward {
            maturity: maturity(&row)?.unwrap_or(Ts::ZERO),
            forward: read(Some(row.number("forward")?), 0),
            discount: read(row.number_or_none("discount")?, STEP_ONE),
            rate: read(row.number_or_none("rate")?, 0),
        });
    }
    let mut vols = Vec::new();
    if let Some(of) = line.object_or_none("vols")? {
        for (symbol, _) in of.entries() {
            let vol = read(Some(of.number(symbol)?), 0);
            vols.push(SurfaceVol { instrument: gateway.symbol(symbol), vol });
        }
    }
    forwards.sort_by_key(|row| row.maturity);
    vols.sort_by_key(|row| row.instrument);
    for (len, max) in [(forwards.len(), SURFACE_FORWARDS_MAX), (vols.len(), SURFACE_VOLS_MAX)] {
        let [len, max] = [len, max].map(|len| i128::try_from(len).unwrap_or(i128::MAX));
        if len > max {
            refused = Some(Refusal::new(Reason::BadField, len, max));
        }
    }
    let about = About::plain(SurfacePublished::KIND, NOBODY, ANY_INSTRUMENT);
    Ok(about.or_refused(refused.map_or(Ok(SurfacePublished { base, version, forwards, vols }), Err)))
}
