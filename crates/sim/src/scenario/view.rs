//! What the venue holds, in the words of scenario files.

use serde_json::{Map, Value};
use tiderace_engine::venue::Venue;
use tiderace_types::instrument::{STEP_DECIMALS, pow10};
use tiderace_types::num::{Rounding, div_round};
use tiderace_types::{AccountId, Amount, AssetId, Instrument, InstrumentId, InstrumentKind, Side, Style, decimal};

use super::gateway::Gateway;
use super::show::Shown;
use super::words;

/// Digits that a venue keeps of the cost of an inverse contract beyond the base unit.
const INVERSE_DECIMALS: u32 = 6;
const STEP_ONE: i128 = 1_000_000_000_000;

fn put(shown: &mut Shown, key: &str, text: impl Into<String>) {
    shown.insert(key.to_owned(), Value::String(text.into()));
}

/// One side of a book, best first.
pub(super) fn levels(
    venue: &Venue,
    gateway: &Gateway,
    instrument: InstrumentId,
    side: Side,
    depth: usize,
) -> Vec<(String, String)> {
    let Some((definition, market)) = gateway.definition(instrument).zip(venue.market(instrument)) else {
        return Vec::new();
    };
    let text = |level: tiderace_book::by_order::Level| {
        (definition.format_price(level.price), definition.format_qty(level.visible_qty))
    };
    market.book().levels(side).take(depth).map(text).collect()
}

/// State, indication and both sides of a book, to `depth` levels.
pub(super) fn book(venue: &Venue, gateway: &Gateway, instrument: InstrumentId, depth: usize) -> Shown {
    let mut shown = Map::new();
    let Some((definition, market)) = gateway.definition(instrument).zip(venue.market(instrument)) else {
        return shown;
    };
    put(&mut shown, "state", words::word(words::STATES, &market.state()));
    match market.indication() {
        Some(indication) => {
            put(&mut shown, "indicative_px", definition.format_price(indication.price));
            put(&mut shown, "indicative_qty", definition.format_qty(indication.qty));
        }
        None => put(&mut shown, "indicative_qty", "0"),
    }
    for (key, side) in [("bids", Side::Buy), ("asks", Side::Sell)] {
        let levels = levels(venue, gateway, instrument, side, depth);
        shown.insert(key.to_owned(), serde_json::json!(levels));
    }
    shown
}

/// A live order; none where it has ended.
pub(super) fn order(venue: &Venue, gateway: &Gateway, account: AccountId, name: &str) -> Option<Shown> {
    let plain = gateway.find_cl_ord_id(account, name).and_then(|cl_ord_id| venue.order(account, cl_ord_id));
    let order = plain.or_else(|| quote(venue, gateway, account, name))?;
    let definition = gateway.definition(order.instrument)?;
    let mut shown = Map::new();
    put(&mut shown, "ord_status", words::word(words::ORD_STATUSES, &order.ord_status));
    put(&mut shown, "side", words::word(words::SIDES, &order.side));
    put(&mut shown, "price", definition.format_price(order.price));
    put(&mut shown, "order_qty", definition.format_qty(order.order_qty));
    put(&mut shown, "leaves_qty", definition.format_qty(order.leaves_qty));
    put(&mut shown, "cum_qty", definition.format_qty(order.cum_qty));
    Some(shown)
}

/// A quote is named `quote_id/n/side`.
fn quote(
    venue: &Venue,
    gateway: &Gateway,
    account: AccountId,
    name: &str,
) -> Option<tiderace_engine::venue::OrderState> {
    let (rest, side) = name.rsplit_once('/')?;
    let (quote_id, entry) = rest.rsplit_once('/')?;
    let (_, side) = words::LEGS.iter().chain(words::SIDES).find(|(word, _)| *word == side)?;
    venue.quote(account, gateway.find_cl_ord_id(account, quote_id)?, entry.parse().ok()?, *side)
}

/// What an account holds.
pub(super) fn position(venue: &Venue, gateway: &Gateway, account: AccountId, instrument: InstrumentId) -> Shown {
    let mut shown = Map::new();
    let Some(definition) = gateway.definition(instrument) else { return shown };
    let position = venue.position(account, instrument);
    let lots = i128::from(position.qty);
    let qty = lots.checked_mul(definition.lot_size.into()).unwrap_or(0);
    put(&mut shown, "qty", decimal::format(qty, STEP_DECIMALS));
    let grain = venue.clearing().contract(instrument).map_or(1, tiderace_engine::venue::Contract::grain);
    let average = average(definition, lots, grain, position.cost.get());
    put(&mut shown, "avg_px", average.map_or("0".to_owned(), |average| decimal::format(average, STEP_DECIMALS)));
    let decimals = gateway.asset_decimals(definition.settle);
    put(&mut shown, "realized_pnl", decimal::format(position.realized.get(), decimals));
    put(&mut shown, "unrealized_pnl", decimal::format(position.unrealized.get(), decimals));
    shown
}

/// The mean price of the open lots in 10^-12; for an inverse contract the harmonic one.
fn average(definition: &Instrument, lots: i128, grain: i128, cost: i128) -> Option<i128> {
    // An inverse option's price is paid in its coin: only what divides by its price has a harmonic mean.
    let style = if definition.kind == InstrumentKind::Option { Style::Linear } else { definition.style };
    match style {
        Style::Linear | Style::Quanto => {
            let cost = cost.checked_mul(definition.tick_size.into())?;
            div_round(cost, lots.checked_mul(grain)?, Rounding::Floor)
        }
        Style::Inverse => {
            let value = inverse_value(definition, lots)?.checked_abs()?;
            let cost = cost.checked_abs()?;
            let mean = div_round(value, cost, Rounding::Floor)?;
            // The cost is whole units, cut at each fill: digits that it does not carry are rounded away.
            let unsure = div_round(mean.checked_mul(4)?, cost, Rounding::Ceil)?;
            let step = (0..STEP_DECIMALS * 2).filter_map(pow10).find(|step| *step > unsure)?;
            div_round(mean.checked_add(step / 2)?, step, Rounding::Floor)?.checked_mul(step)
        }
    }
}

/// Lots in the quote (linear: base) unit, 10^-12.
fn contracts(definition: &Instrument, lots: i128) -> Option<i128> {
    let unit = i128::from(definition.lot_size).checked_mul(definition.contract_multiplier.into())?;
    lots.checked_mul(unit / STEP_ONE)
}

/// What so many lots of an inverse contract are worth, as a position's cost counts it, times a price in 10^-12.
fn inverse_value(definition: &Instrument, lots: i128) -> Option<i128> {
    let scale = definition.base_decimals.checked_add(INVERSE_DECIMALS)?;
    contracts(definition, lots)?.checked_mul(pow10(scale)?)
}

/// Cash of an account.
pub(super) fn balance(venue: &Venue, gateway: &Gateway, account: AccountId, asset: AssetId) -> Shown {
    let balance = venue.balance(account, asset);
    let decimals = gateway.asset_decimals(asset);
    let mut shown = Map::new();
    for (key, amount) in [("total", balance.total), ("available", balance.available), ("held", balance.held)] {
        put(&mut shown, key, decimal::format(amount.get(), decimals));
    }
    shown
}

/// Margin of an account.
pub(super) fn margin(venue: &Venue, gateway: &Gateway, account: AccountId) -> Shown {
    let standing = venue.margin(account);
    let decimals = gateway.asset_decimals(standing.asset);
    let mut shown = Map::new();
    put(&mut shown, "asset", gateway.assets.name(standing.asset.0.into()));
    let figures = [
        ("equity", standing.equity),
        ("initial", standing.initial),
        ("maintenance", standing.maintenance),
        ("held", standing.held),
    ];
    for (key, amount) in figures {
        put(&mut shown, key, decimal::format(amount.get(), decimals));
    }
    shown
}

/// Money of a fund.
pub(super) fn fund(gateway: &Gateway, asset: AssetId, amount: Amount) -> Shown {
    let mut shown = Map::new();
    put(&mut shown, "amount", decimal::format(amount.get(), gateway.asset_decimals(asset)));
    shown
}
