//! An `expect` line.

use serde_json::Value;
use tiderace_engine::venue::Fund;
use tiderace_types::venue::ANY_INSTRUMENT;
use tiderace_types::{AccountId, AssetId, InstrumentId, Reason};

use super::compare::{Kind, Wanted};
use super::gateway::{Gateway, NOBODY};
use super::json::{self, Bad, Object};
use super::words;

/// What must be so.
#[derive(Clone, Debug)]
pub(super) enum Check {
    /// An event with these values comes, others before it are passed over.
    Event {
        /// `report` or `trade`.
        event: &'static str,
        wanted: Vec<Wanted>,
    },
    /// What a book shows.
    Book {
        instrument: InstrumentId,
        bids: Option<Vec<Level>>,
        asks: Option<Vec<Level>>,
        /// Levels of a side that are looked at; all of them when absent.
        depth: Option<usize>,
        wanted: Vec<Wanted>,
    },
    /// An order works, with these values.
    Order { account: AccountId, cl_ord_id: String, wanted: Vec<Wanted> },
    /// An order does not work.
    NoOrder { account: AccountId, cl_ord_id: String },
    /// A position.
    Position { account: AccountId, instrument: InstrumentId, wanted: Vec<Wanted> },
    /// Margin.
    Margin { account: AccountId, wanted: Vec<Wanted> },
    /// Cash.
    Balance { account: AccountId, asset: AssetId, wanted: Vec<Wanted> },
    /// A fund.
    Fund { layer: Fund, asset: AssetId, wanted: Vec<Wanted> },
    /// Nothing was made or lost.
    Ledger,
    /// No event is left: none at all, or none of a kind.
    End { of: Option<&'static str> },
}

/// Price and visible quantity as they were written.
pub(super) type Level = (String, String);

/// Values of text that only a table's words may have.
type Known = fn(&str) -> bool;

fn is_in<T>(table: words::Table<T>, text: &str) -> bool {
    table.iter().any(|(word, _)| *word == text)
}

fn any(_: &str) -> bool {
    true
}

const REPORT: &[(&str, Kind, Known)] = &[
    ("account", Kind::Text, any),
    ("cl_ord_id", Kind::OrderName, any),
    ("exec_type", Kind::Text, |text| is_in(words::EXEC_TYPES, text)),
    ("ord_status", Kind::Text, |text| is_in(words::ORD_STATUSES, text)),
    ("last_px", Kind::Number, any),
    ("last_qty", Kind::Number, any),
    ("cum_qty", Kind::Number, any),
    ("leaves_qty", Kind::Number, any),
    ("avg_px", Kind::Mean, any),
    ("reason", Kind::Text, |text| Reason::ALL.iter().any(|reason| reason.name() == text)),
    ("text", Kind::Part, any),
    ("is_maker", Kind::Flag, any),
];
const TRADE: &[(&str, Kind, Known)] = &[
    ("symbol", Kind::Text, any),
    ("price", Kind::Number, any),
    ("qty", Kind::Number, any),
    ("maker", Kind::Text, any),
    ("taker", Kind::Text, any),
    ("aggressor", Kind::Text, |text| is_in(words::SIDES, text)),
    ("kind", Kind::Text, |text| is_in(words::TRADE_KINDS, text)),
];
const PAYOFF: &[(&str, Kind, Known)] = &[
    ("symbol", Kind::Text, any),
    ("what", Kind::Text, |text| PAYOFF_EVENTS.contains(&text)),
    ("program", Kind::Text, any),
    ("number", Kind::Number, any),
    ("price", Kind::Number, any),
    ("amount", Kind::Number, any),
    ("entry", Kind::Text, any),
    ("trap", Kind::Text, any),
];
const PAYOFF_EVENTS: &[&str] = &["listed", "observed", "paid", "trapped"];
const CONDITION: &[(&str, Kind, Known)] = &[
    ("account", Kind::Text, any),
    ("cl_ord_id", Kind::OrderName, any),
    ("symbol", Kind::Text, any),
    ("what", Kind::Text, |text| is_in(words::CONDITIONS, text)),
    ("trap", Kind::Text, any),
    ("statement", Kind::Number, any),
    ("reason", Kind::Text, |text| Reason::ALL.iter().any(|reason| reason.name() == text)),
];
const BOOK: &[(&str, Kind, Known)] = &[
    ("indicative_px", Kind::Number, any),
    ("indicative_qty", Kind::Number, any),
    ("state", Kind::Text, |text| is_in(words::STATES, text)),
];
const ORDER: &[(&str, Kind, Known)] = &[
    ("ord_status", Kind::Text, |text| is_in(words::ORD_STATUSES, text)),
    ("leaves_qty", Kind::Number, any),
    ("cum_qty", Kind::Number, any),
    ("price", Kind::Number, any),
];
const POSITION: &[(&str, Kind, Known)] = &[
    ("qty", Kind::Number, any),
    ("avg_px", Kind::Mean, any),
    ("realized_pnl", Kind::Mean, any),
    ("unrealized_pnl", Kind::Mean, any),
];
const BALANCE: &[(&str, Kind, Known)] =
    &[("total", Kind::Number, any), ("available", Kind::Number, any), ("held", Kind::Number, any)];

const MARGIN: &[(&str, Kind, Known)] = &[
    ("equity", Kind::Number, any),
    ("initial", Kind::Number, any),
    ("maintenance", Kind::Number, any),
    ("held", Kind::Number, any),
    ("asset", Kind::Text, any),
];
const FUND: &[(&str, Kind, Known)] = &[("amount", Kind::Number, any)];

/// Reads an `expect` line.
///
/// # Errors
/// What is wrong with the line.
pub(super) fn check(line: &Object<'_>, gateway: &Gateway) -> Result<Check, Bad> {
    Ok(match line.text("expect")? {
        "report" => {
            only(line, &[], REPORT)?;
            Check::Event { event: "report", wanted: wanted(line, REPORT)? }
        }
        "trade" => {
            only(line, &[], TRADE)?;
            Check::Event { event: "trade", wanted: wanted(line, TRADE)? }
        }
        "payoff" => {
            only(line, &[], PAYOFF)?;
            Check::Event { event: "payoff", wanted: wanted(line, PAYOFF)? }
        }
        "condition" => {
            only(line, &[], CONDITION)?;
            Check::Event { event: "condition", wanted: wanted(line, CONDITION)? }
        }
        "book" => {
            only(line, &["symbol", "bids", "asks", "depth"], BOOK)?;
            let depth = line.count_or_none("depth")?;
            Check::Book {
                instrument: symbol(line, gateway)?,
                bids: levels(line, "bids")?,
                asks: levels(line, "asks")?,
                depth: depth.map(|depth| usize::try_from(depth).unwrap_or(usize::MAX)),
                wanted: wanted(line, BOOK)?,
            }
        }
        "order" => {
            only(line, &["account", "cl_ord_id"], ORDER)?;
            let (account, cl_ord_id) = order_key(line, gateway)?;
            Check::Order { account, cl_ord_id, wanted: wanted(line, ORDER)? }
        }
        "no_order" => {
            only(line, &["account", "cl_ord_id"], &[])?;
            let (account, cl_ord_id) = order_key(line, gateway)?;
            Check::NoOrder { account, cl_ord_id }
        }
        "position" => {
            only(line, &["account", "symbol"], POSITION)?;
            let account = account(line, gateway)?;
            let instrument = symbol(line, gateway)?;
            Check::Position { account, instrument, wanted: wanted(line, POSITION)? }
        }
        "balance" => {
            only(line, &["account", "asset"], BALANCE)?;
            let account = account(line, gateway)?;
            let asset = gateway.known_asset(line.text("asset")?).unwrap_or(AssetId(u16::MAX));
            Check::Balance { account, asset, wanted: wanted(line, BALANCE)? }
        }
        "ledger" => {
            line.only(&["expect"])?;
            Check::Ledger
        }
        "end" => {
            line.only(&["expect", "of"])?;
            Check::End { of: line.word_or_none("of", &[("report", "report"), ("trade", "trade")])? }
        }
        "fund" => {
            only(line, &["layer", "asset"], FUND)?;
            let layers = [("insurance", Fund::Insurance), ("house", Fund::House), ("mutual", Fund::Mutual)];
            let layer = line.word_or_none("layer", &layers)?.unwrap_or(Fund::Insurance);
            let asset = gateway.known_asset(line.text("asset")?).unwrap_or(AssetId(u16::MAX));
            Check::Fund { layer, asset, wanted: wanted(line, FUND)? }
        }
        "margin" => {
            only(line, &["account"], MARGIN)?;
            Check::Margin { account: account(line, gateway)?, wanted: wanted(line, MARGIN)? }
        }
        word => {
            let known =
                "known are: report trade payoff condition book order no_order position balance margin fund ledger end";
            return Err(line.bad("expect", format!("{word:?} is unknown here"), known));
        }
    })
}

fn only(line: &Object<'_>, more: &[&str], table: &[(&str, Kind, Known)]) -> Result<(), Bad> {
    let mut known = vec!["expect"];
    known.extend(more);
    known.extend(table.iter().map(|(key, _, _)| key));
    line.only(&known)
}

fn wanted(line: &Object<'_>, table: &[(&'static str, Kind, Known)]) -> Result<Vec<Wanted>, Bad> {
    let mut all = Vec::new();
    for (key, kind, is_known) in table {
        let Some(value) = line.value(key) else { continue };
        match kind {
            Kind::Flag => drop(line.flag(key)?),
            Kind::Number | Kind::Mean => drop(line.number_or_none(key)?),
            Kind::Text | Kind::OrderName | Kind::Part => {
                let text = line.text(key)?;
                if !is_known(text) {
                    return Err(line.bad(key, format!("{text:?} is unknown here"), "see the words of scenarios.md"));
                }
            }
        }
        all.push(Wanted { key, kind: *kind, value: value.clone() });
    }
    Ok(all)
}

/// Names that nobody said are names of nothing.
fn account(line: &Object<'_>, gateway: &Gateway) -> Result<AccountId, Bad> {
    Ok(gateway.known_account(line.text("account")?).unwrap_or(NOBODY))
}

fn symbol(line: &Object<'_>, gateway: &Gateway) -> Result<InstrumentId, Bad> {
    Ok(gateway.listed(line.text("symbol")?).unwrap_or(ANY_INSTRUMENT))
}

fn order_key(line: &Object<'_>, gateway: &Gateway) -> Result<(AccountId, String), Bad> {
    Ok((account(line, gateway)?, line.text("cl_ord_id")?.to_owned()))
}

fn levels(line: &Object<'_>, key: &str) -> Result<Option<Vec<Level>>, Bad> {
    let Some(list) = line.list_or_none(key)? else { return Ok(None) };
    let level = |value: &Value| -> Option<Level> {
        let [price, qty] = value.as_array()?.as_slice() else { return None };
        let number = |value: &Value| value.as_str().filter(|text| json::check_number(text).is_ok()).map(str::to_owned);
        Some((number(price)?, number(qty)?))
    };
    let read = |value: &Value| {
        let remedy = "write [\"price\", \"visible quantity\"], both strings";
        level(value).ok_or_else(|| line.bad(key, format!("{value} is not a level"), remedy))
    };
    list.iter().map(read).collect::<Result<_, _>>().map(Some)
}
