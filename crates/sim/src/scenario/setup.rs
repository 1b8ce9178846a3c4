//! The venue line: the genesis of a venue in words, and the tables of its gateway.

use tiderace_engine::venue::{
    AccountConfig, AccountLimits, Band, Breaker, FeeTier, Fees, Listing, MmpLimits, OrderToTrade, RandomEnd, Scheduled,
    Throttle, VenueConfig,
};
use tiderace_types::instrument::STEP_DECIMALS;
use tiderace_types::{
    Amount, Asset, AssetId, Fraction, Instrument, InstrumentId, InstrumentKind, Price, Qty, Style, TradingState, Ts,
    VenueId,
};

use super::gateway::{self, Gateway, NAME_BYTES_MAX, Names};
use super::json::{Bad, Object};
use super::{terms, time, words};

/// What to do about a name that no command could say.
const LONG_NAME: &str = "write names of 64 bytes at most";
/// Digits of an asset that is only counted in and stands in no line of `assets`.
const IMPLIED_DECIMALS: u32 = 8;
/// Quote of an inverse or quanto contract that names none.
const IMPLIED_QUOTE: &str = "USD";
/// A maturity that is a date means this time of it: 08:00 UTC.
const MATURITY_NS: i64 = 8 * 3_600 * 1_000_000_000;
const STEP_ONE: i64 = 1_000_000_000_000;

/// A venue in numbers, and what its gateway starts with.
#[derive(Clone, Debug)]
pub(super) struct Setup {
    pub(super) config: VenueConfig,
    pub(super) gateway: Gateway,
}

/// Reads the venue line's object.
///
/// # Errors
/// What is wrong with it; also what this build does not carry out.
pub(super) fn setup(venue: &Object<'_>) -> Result<Setup, Bad> {
    let mut known = vec!["start", "assets", "instruments", "accounts", "fund", "seed"];
    known.extend(terms::VENUE_KEYS);
    venue.only(&known)?;
    let mut gateway = Gateway::new(venue.time("start")?);
    gateway.strategies.id("");
    for asset in venue.objects("assets")? {
        asset.only(&["asset", "decimals"])?;
        let decimals = asset.count("decimals")?;
        once(&asset, "asset", &mut gateway.assets)?;
        gateway.decimals.push(decimals);
    }
    let mut instruments = Vec::new();
    for line in venue.objects("instruments")? {
        instruments.push(listing(&line, &mut gateway)?);
    }
    let mut stp_groups = Names::default();
    let mut accounts = Vec::new();
    for line in venue.objects("accounts")? {
        accounts.push(account(&line, &mut gateway, &mut stp_groups)?);
        gateway.opened = gateway.opened.saturating_add(1);
    }
    let mut fund = Vec::new();
    for line in venue.objects_or_none("fund")? {
        line.only(&["asset", "amount"])?;
        fund.push(amount_of(&line, "asset", "amount", &gateway)?);
    }
    let assets = gateway
        .decimals
        .iter()
        .zip(0..)
        .map(|(decimals, id)| Asset { asset: gateway.assets.name(id).to_owned(), decimals: *decimals });
    let assets = assets.collect();
    let clearing = terms::venue(venue, &mut gateway)?;
    if gateway.refused.is_some() {
        return Err(Bad::new("venue", "a name is too long", LONG_NAME));
    }
    let seed = venue.count_or_none("seed")?.unwrap_or(1).into();
    let config = VenueConfig { seed, start: venue.time("start")?, assets, instruments, accounts, fund, clearing };
    let remedy = "correct the named row";
    config.check().map_err(|error| Bad::new("venue", error.to_string(), remedy))?;
    Ok(Setup { config, gateway })
}

/// A name that must be new in its table.
fn once<'a>(line: &Object<'a>, key: &str, names: &mut Names) -> Result<&'a str, Bad> {
    let name = line.text(key)?;
    if name.len() > NAME_BYTES_MAX {
        return Err(line.bad(key, format!("a name of {} bytes", name.len()), LONG_NAME));
    }
    if names.find(name).is_some() {
        return Err(line.bad(key, format!("{name:?} stands twice"), "give each its own name"));
    }
    names.id(name);
    Ok(name)
}

/// An asset that a contract is counted in; one that `assets` leaves out is added.
fn asset(gateway: &mut Gateway, name: &str) -> AssetId {
    let id = gateway.asset(name);
    if id.index() == gateway.decimals.len() {
        gateway.decimals.push(IMPLIED_DECIMALS);
    }
    id
}

pub(super) fn known_asset(line: &Object<'_>, key: &str, name: &str, gateway: &Gateway) -> Result<AssetId, Bad> {
    let id = gateway.assets.find(name).and_then(|id| u16::try_from(id).ok()).map(AssetId);
    id.ok_or_else(|| line.bad(key, format!("asset {name:?} is unknown"), "add it to \"assets\""))
}

pub(super) fn amount_of(
    line: &Object<'_>,
    asset: &str,
    amount: &str,
    gateway: &Gateway,
) -> Result<(AssetId, Amount), Bad> {
    let id = known_asset(line, asset, line.text(asset)?, gateway)?;
    Ok((id, Amount::new(line.scaled(amount, gateway.asset_decimals(id))?)))
}

const INSTRUMENT_KEYS: &[&str] = &[
    "symbol",
    "kind",
    "style",
    "base",
    "quote",
    "settle",
    "tick_size",
    "lot_size",
    "contract_multiplier",
    "maturity",
    "strike_price",
    "put_or_call",
    "min_order_qty",
    "max_order_qty",
    "max_order_value",
    "fees",
    "fee_tiers",
    "trading_state",
    "price_band",
    "circuit_breaker",
    "random_end",
    "schedule",
];

fn listing(line: &Object<'_>, gateway: &mut Gateway) -> Result<Listing, Bad> {
    let known: Vec<&str> = INSTRUMENT_KEYS.iter().chain(terms::INSTRUMENT_KEYS).copied().collect();
    line.only(&known)?;
    let instrument = instrument(line, gateway)?;
    let quote_decimals = instrument.quote_decimals;
    gateway.instruments.push(instrument.clone());
    let tiers = line.objects_or_none("fee_tiers")?.into_iter();
    let tiers = tiers.map(|tier| read_fee_tier(&tier, quote_decimals)).collect::<Result<_, _>>()?;
    Ok(Listing {
        clearing: terms::contract(line, &instrument)?,
        instrument,
        max_order_value: line.scaled_or_none("max_order_value", quote_decimals)?.map(Amount::new),
        fees: line.object_or_none("fees")?.map_or(Ok(Fees::default()), |fees| read_fees(&fees))?,
        fee_tiers: tiers,
        band: line.object_or_none("price_band")?.map(|band| read_band(&band)).transpose()?,
        breaker: line.object_or_none("circuit_breaker")?.map(|breaker| read_breaker(&breaker)).transpose()?,
        random_end: line.object_or_none("random_end")?.map(|end| read_random_end(&end)).transpose()?,
        schedule: line.objects_or_none("schedule")?.iter().map(read_scheduled).collect::<Result<_, _>>()?,
        state: line.word_or_none("trading_state", words::STATES)?.unwrap_or(TradingState::Continuous),
    })
}

fn instrument(line: &Object<'_>, gateway: &mut Gateway) -> Result<Instrument, Bad> {
    let symbol = once(line, "symbol", &mut gateway.symbols)?.to_owned();
    let (kind, style) = (line.word("kind", words::KINDS)?, line.word_or_none("style", words::STYLES)?);
    let style = style.unwrap_or(Style::Linear);
    let (base, quote, settle) = assets_of(line, kind, style)?;
    let [base, quote, settle] = [base, quote, settle].map(|name| asset(gateway, name));
    let steps = |key: &str| line.scaled_i64(key, STEP_DECIMALS);
    let multiplier = if line.has("contract_multiplier") { steps("contract_multiplier")? } else { STEP_ONE };
    let mut instrument = Instrument {
        id: InstrumentId(u16::try_from(gateway.instruments.len()).unwrap_or(u16::MAX)),
        version: 1,
        venue: VenueId(0),
        symbol,
        kind,
        style,
        base,
        quote,
        settle,
        base_decimals: gateway.asset_decimals(base),
        quote_decimals: gateway.asset_decimals(quote),
        tick_size: steps("tick_size")?,
        lot_size: steps("lot_size")?,
        contract_multiplier: multiplier,
        min_order_qty: Qty::ZERO,
        max_order_qty: Qty::MAX,
        min_notional: Amount::ZERO,
        maturity_ns: maturity(line)?.map(Ts::get),
        strike_price: None,
        put_or_call: line.word_or_none("put_or_call", words::PUT_OR_CALL)?,
    };
    // Everything below is read on the grid, which must be one.
    if instrument.tick_size <= 0 || instrument.lot_size <= 0 {
        return Err(line.bad("tick_size", "tick and lot are above zero", "write positive steps"));
    }
    instrument.strike_price = price(line, "strike_price", &instrument)?;
    instrument.min_order_qty = qty(line, "min_order_qty", &instrument)?.unwrap_or(Qty::ZERO);
    instrument.max_order_qty = qty(line, "max_order_qty", &instrument)?.unwrap_or(Qty::MAX);
    instrument.check().map_err(|error| line.bad("symbol", error.to_string(), "correct the definition"))?;
    Ok(instrument)
}

/// Base, quote and settlement. What the style fixes need not be written.
fn assets_of<'a>(line: &Object<'a>, kind: InstrumentKind, style: Style) -> Result<(&'a str, &'a str, &'a str), Bad> {
    let base = line.text("base")?;
    let (quote, settle) = (line.text_or_none("quote")?, line.text_or_none("settle")?);
    if kind == InstrumentKind::Spot {
        let quote = line.text("quote")?;
        return Ok((base, quote, settle.unwrap_or(quote)));
    }
    let settle = line.text("settle")?;
    let quote = match style {
        Style::Linear => quote.unwrap_or(settle),
        Style::Inverse | Style::Quanto => quote.unwrap_or(IMPLIED_QUOTE),
    };
    Ok((base, quote, settle))
}

/// A maturity: a date or a time.
pub(super) fn maturity(line: &Object<'_>) -> Result<Option<Ts>, Bad> {
    let date = line.text_or_none("maturity")?.and_then(time::parse_date);
    match date {
        Some(date) => Ok(Some(date.plus_ns(MATURITY_NS))),
        None => line.time_or_none("maturity"),
    }
}

pub(super) fn price(line: &Object<'_>, key: &str, instrument: &Instrument) -> Result<Option<Price>, Bad> {
    let Some(text) = line.number_or_none(key)? else { return Ok(None) };
    let price = instrument.parse_price(text);
    price.map(Some).map_err(|error| line.bad(key, error.to_string(), "write a multiple of tick_size"))
}

fn qty(line: &Object<'_>, key: &str, instrument: &Instrument) -> Result<Option<Qty>, Bad> {
    let Some(text) = line.number_or_none(key)? else { return Ok(None) };
    let qty = gateway::qty(instrument, text);
    qty.map(Some).map_err(|refusal| line.bad(key, refusal.reason.rule(), "write a multiple of lot_size"))
}

pub(super) fn fraction(line: &Object<'_>, key: &str) -> Result<Option<Fraction>, Bad> {
    if line.has(key) {
        line.scaled_i64(key, Fraction::DECIMALS).map(|value| Some(Fraction::new(value)))
    } else {
        Ok(None)
    }
}

pub(super) fn needed_fraction(line: &Object<'_>, key: &str) -> Result<Fraction, Bad> {
    line.scaled_i64(key, Fraction::DECIMALS).map(Fraction::new)
}

fn read_fees(fees: &Object<'_>) -> Result<Fees, Bad> {
    fees.only(&["maker", "taker"])?;
    let read = |key| Ok(fraction(fees, key)?.unwrap_or(Fraction::ZERO));
    Ok(Fees { maker: read("maker")?, taker: read("taker")? })
}

fn read_fee_tier(tier: &Object<'_>, quote_decimals: u32) -> Result<FeeTier, Bad> {
    tier.only(&["volume", "maker", "taker"])?;
    let volume = Amount::new(tier.scaled("volume", quote_decimals)?);
    Ok(FeeTier { volume, maker: needed_fraction(tier, "maker")?, taker: needed_fraction(tier, "taker")? })
}

fn read_band(band: &Object<'_>) -> Result<Band, Bad> {
    band.only(&["static", "dynamic", "market"])?;
    let clamps_market = band.word_or_none("market", &[("reject", false), ("clamp", true)])?.unwrap_or(false);
    Ok(Band { around_mark: fraction(band, "static")?, around_last: fraction(band, "dynamic")?, clamps_market })
}

fn read_breaker(breaker: &Object<'_>) -> Result<Breaker, Bad> {
    breaker.only(&["move", "window", "auction", "extension", "max_extensions"])?;
    Ok(Breaker {
        move_max: needed_fraction(breaker, "move")?,
        window_ns: breaker.duration("window")?,
        auction_ns: breaker.duration("auction")?,
        extension_ns: breaker.duration_or_none("extension")?.unwrap_or(0),
        extensions_max: breaker.count_or_none("max_extensions")?.unwrap_or(0),
    })
}

fn read_random_end(end: &Object<'_>) -> Result<RandomEnd, Bad> {
    end.only(&["max", "seed"])?;
    Ok(RandomEnd { max_ns: end.duration("max")?, seed: end.count_or_none("seed")?.unwrap_or(1).into() })
}

/// `{"at": "08:00:00", "state": "continuous"}`, each day, UTC.
fn read_scheduled(line: &Object<'_>) -> Result<Scheduled, Bad> {
    line.only(&["at", "state"])?;
    Ok(Scheduled { time_of_day_ns: terms::time_of_day(line, "at")?, state: line.word("state", words::STATES)? })
}

const LIMIT_KEYS: &[&str] =
    &["max_order_qty", "max_order_value", "position_limit", "max_open_orders", "throttle", "order_to_trade"];

fn account(line: &Object<'_>, gateway: &mut Gateway, stp_groups: &mut Names) -> Result<AccountConfig, Bad> {
    let mut known = vec!["account", "balances", "mmp", "dead_man", "stp_group", "member"];
    known.extend(LIMIT_KEYS);
    known.extend(terms::ACCOUNT_KEYS);
    line.only(&known)?;
    let name = once(line, "account", &mut gateway.accounts)?;
    let id = gateway.account(name);
    let clearing = terms::account(line, gateway)?;
    let mut mmp = Vec::new();
    for group in line.objects_or_none("mmp")? {
        once(&group, "group", &mut gateway.said.entry(id).or_default().groups)?;
        mmp.push(read_mmp(&group, u16::try_from(mmp.len()).unwrap_or(u16::MAX))?);
    }
    let mut balances = Vec::new();
    if let Some(cash) = line.object_or_none("balances")? {
        for (asset, _) in cash.entries() {
            let asset_id = known_asset(&cash, asset, asset, gateway)?;
            balances.push((asset_id, Amount::new(cash.scaled(asset, gateway.asset_decimals(asset_id))?)));
        }
    }
    let member = line.text_or_none("member")?.map(str::to_owned);
    if let Some(member) = &member {
        gateway.member(member);
    }
    Ok(AccountConfig {
        name: name.to_owned(),
        member,
        stp_group: line.text_or_none("stp_group")?.map(|group| stp_groups.id(group)),
        balances,
        dead_man_ns: line.duration_or_none("dead_man")?,
        mmp,
        limits: read_limits(line, gateway)?,
        clearing,
    })
}

/// A limit in 10^-12.
fn limit(line: &Object<'_>, key: &str) -> Result<Option<Amount>, Bad> {
    Ok(line.scaled_or_none(key, STEP_DECIMALS)?.map(Amount::new))
}

fn read_mmp(group: &Object<'_>, number: u16) -> Result<MmpLimits, Bad> {
    group.only(&["group", "interval", "freeze", "qty", "delta", "vega", "trades"])?;
    Ok(MmpLimits {
        group: number,
        interval_ns: group.duration("interval")?,
        freeze_ns: group.duration("freeze")?,
        qty: limit(group, "qty")?,
        delta: limit(group, "delta")?,
        vega: limit(group, "vega")?,
        trades: group.count_or_none("trades")?,
    })
}

fn read_limits(line: &Object<'_>, gateway: &Gateway) -> Result<AccountLimits, Bad> {
    let throttle = |of: Object<'_>| {
        of.only(&["messages", "window"])?;
        Ok(Throttle { messages: of.count("messages")?, window_ns: of.duration("window")? })
    };
    let order_to_trade = |of: Object<'_>| {
        of.only(&["orders_per_trade", "free_orders", "window"])?;
        Ok(OrderToTrade {
            orders_per_trade: of.count("orders_per_trade")?,
            free_orders: of.count_or_none("free_orders")?.unwrap_or(0),
            window_ns: of.duration("window")?,
        })
    };
    // Values are compared in base units of what the instrument settles in; those of one account have the same digits.
    let value_decimals = gateway.instruments.first().map_or(0, |first| gateway.asset_decimals(first.settle));
    Ok(AccountLimits {
        max_order_qty: limit(line, "max_order_qty")?,
        max_order_value: line.scaled_or_none("max_order_value", value_decimals)?.map(Amount::new),
        position_limit: limit(line, "position_limit")?,
        max_open_orders: line.count_or_none("max_open_orders")?,
        throttle: line.object_or_none("throttle")?.map(throttle).transpose()?,
        order_to_trade: line.object_or_none("order_to_trade")?.map(order_to_trade).transpose()?,
    })
}
