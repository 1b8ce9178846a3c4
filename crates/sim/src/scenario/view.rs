//! What the venue holds, in the words of scenario files.

use serde_json::{Map, Value};
use tiderace_engine::venue::Venue;
use tiderace_types::instrument::{STEP_DECIMALS, rescale};
use tiderace_types::num::{Rounding, div_round};
use tiderace_types::{AccountId, AssetId, ClOrdId, Instrument, InstrumentId, Price, Side, Style, decimal};

use super::gateway::Gateway;
use super::show::Shown;
use super::words;

/// Digits that a venue keeps of the cost of an inverse contract beyond the base unit.
const INVERSE_DECIMALS: u32 = 6;

fn put(shown: &mut Shown, key: &str, text: impl Into<String>) {
    shown.insert(key.to_owned(), Value::String(text.into()));
}

fn market_of(venue: &Venue, instrument: InstrumentId) -> Option<&tiderace_matching::market::Market> {
    let _ = (venue, instrument);
    None
}

/// One side of a book, best first.
pub(super) fn levels(venue: &Venue, gateway: &Gateway, instrument: InstrumentId, side: Side) -> Vec<(String, String)> {
    let Some((definition, market)) = gateway.definition(instrument).zip(market_of(venue, instrument)) else {
        return Vec::new();
    };
    let text = |level: tiderace_book::by_order::Level| {
        (definition.format_price(level.price), definition.format_qty(level.visible_qty))
    };
    market.book().levels(side).map(text).collect()
}

/// State and indication of a market.
pub(super) fn market(venue: &Venue, gateway: &Gateway, instrument: InstrumentId) -> Shown {
    let mut shown = Map::new();
    let Some((definition, market)) = gateway.definition(instrument).zip(market_of(venue, instrument)) else {
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
    shown
}

/// A live order; none where it has ended.
pub(super) fn order(venue: &Venue, gateway: &Gateway, account: AccountId, cl_ord_id: ClOrdId) -> Option<Shown> {
    let order = venue.order(account, cl_ord_id).or_else(|| quote(venue, gateway, account, cl_ord_id))?;
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
    cl_ord_id: ClOrdId,
) -> Option<tiderace_engine::venue::OrderState> {
    let (rest, side) = gateway.name_of(account, cl_ord_id).rsplit_once('/')?;
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
    let average = average(definition, lots, position.cost.get());
    put(&mut shown, "avg_px", average.map_or("0".to_owned(), |average| decimal::format(average, STEP_DECIMALS)));
    let decimals = gateway.asset_decimals(definition.settle);
    put(&mut shown, "realized_pnl", decimal::format(position.realized.get(), decimals));
    let mark = market_of(venue, instrument).and_then(tiderace_matching::market::Market::mark);
    let open = mark.and_then(|mark| unrealized(definition, lots, position.cost.get(), mark, decimals));
    put(&mut shown, "unrealized_pnl", decimal::format(open.unwrap_or(0), decimals));
    shown
}

/// The mean price of the open lots in 10^-12, cut; for an inverse contract the harmonic one.
fn average(definition: &Instrument, lots: i128, cost: i128) -> Option<i128> {
    if lots == 0 {
        return None;
    }
    match definition.style {
        Style::Linear | Style::Quanto => {
            div_round(cost.checked_mul(definition.tick_size.into())?, lots, Rounding::Floor)
        }
        Style::Inverse => {
            // cost = lots x lot x multiplier / price, in 10^-(base_decimals + 6).
            let scale = definition.base_decimals.checked_add(INVERSE_DECIMALS)?;
            div_round(rescale(contracts(definition, lots)?, 0, scale, Rounding::Floor)?, cost, Rounding::Floor)
        }
    }
}

/// Lots in quote (linear: base) at 10^-12.
fn contracts(definition: &Instrument, lots: i128) -> Option<i128> {
    let unit = i128::from(definition.lot_size).checked_mul(definition.contract_multiplier.into())?;
    rescale(lots.checked_mul(unit)?, 2 * STEP_DECIMALS, STEP_DECIMALS, Rounding::Floor)
}

/// What the open lots would gain at the mark, in base units of the settlement asset, rounded down.
fn unrealized(definition: &Instrument, lots: i128, cost: i128, mark: Price, decimals: u32) -> Option<i128> {
    match definition.style {
        Style::Linear | Style::Quanto => {
            let ticks = i128::from(mark.get()).checked_mul(lots)?.checked_sub(cost)?;
            let value = contracts(definition, ticks)?.checked_mul(definition.tick_size.into())?;
            rescale(value, 2 * STEP_DECIMALS, decimals, Rounding::Floor)
        }
        Style::Inverse => {
            let scale = definition.base_decimals.checked_add(INVERSE_DECIMALS)?;
            let price = i128::from(mark.get()).checked_mul(definition.tick_size.into())?;
            let now =
                div_round(rescale(contracts(definition, lots)?, 0, scale, Rounding::Floor)?, price, Rounding::Ceil)?;
            rescale(cost.checked_sub(now)?, scale, decimals, Rounding::Floor)
        }
    }
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
