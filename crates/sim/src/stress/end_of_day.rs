//! End-of-day files of a venue: instruments, positions, balances, margin, trades and postings, as CSV text.
//!
//! Numbers are exact decimals in contracts, in the quote unit and in whole assets; times are UTC nanoseconds; a row
//! without a name cannot be, since all names are in the genesis.

use core::fmt::Write as _;

use tiderace_engine::venue::{House, LedgerAccount, Posting, Venue};
use tiderace_types::instrument::STEP_DECIMALS;
use tiderace_types::venue::Trade;
use tiderace_types::{AccountId, AssetId, InstrumentId, Price, Side, Ts, decimal};

/// Digits of lots x lot size and of ticks x tick size.
const STEPS: u32 = STEP_DECIMALS;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, without an ending.
    pub name: &'static str,
    /// CSV with a heading.
    pub csv: String,
}

/// The six files.
#[must_use]
pub fn end_of_day(venue: &Venue, trades: &[(Ts, Trade)], postings: &[Posting]) -> Vec<Table> {
    let words = Words { venue, members: venue.config().members() };
    vec![
        words.instruments(),
        words.positions(),
        words.balances(),
        words.margin(),
        words.trades(trades),
        words.postings(postings),
    ]
}

struct Words<'a> {
    venue: &'a Venue,
    members: Vec<&'a str>,
}

impl Words<'_> {
    fn account(&self, id: AccountId) -> String {
        let row = usize::try_from(id.0).ok().and_then(|row| self.venue.config().accounts.get(row));
        row.map_or_else(|| "house".to_owned(), |row| quoted(&row.name))
    }

    fn asset(&self, id: AssetId) -> String {
        self.venue.config().assets.get(id.index()).map_or_else(String::new, |asset| quoted(&asset.asset))
    }

    fn amount(&self, asset: AssetId, value: i128) -> String {
        let decimals = self.venue.config().assets.get(asset.index()).map_or(0, |asset| asset.decimals);
        decimal::format(value, decimals)
    }

    fn symbol(&self, id: InstrumentId) -> String {
        let listing = self.venue.config().instruments.get(id.index());
        listing.map_or_else(String::new, |listing| quoted(&listing.instrument.symbol))
    }

    fn qty(&self, id: InstrumentId, lots: i64) -> String {
        let lot = self.venue.config().instruments.get(id.index()).map_or(0, |of| of.instrument.lot_size);
        decimal::format(i128::from(lots).saturating_mul(lot.into()), STEPS)
    }

    fn price(&self, id: InstrumentId, price: Price) -> String {
        let tick = self.venue.config().instruments.get(id.index()).map_or(0, |of| of.instrument.tick_size);
        decimal::format(i128::from(price.get()).saturating_mul(tick.into()), STEPS)
    }

    fn accounts(&self) -> impl Iterator<Item = AccountId> + use<> {
        let count = u32::try_from(self.venue.config().accounts.len()).unwrap_or(0);
        (0..=count).map(AccountId)
    }

    fn assets(&self) -> impl Iterator<Item = AssetId> + use<> {
        (0..u16::try_from(self.venue.config().assets.len()).unwrap_or(0)).map(AssetId)
    }

    fn instruments(&self) -> Table {
        let heading = "symbol,kind,style,base,quote,settle,contract_multiplier,maturity_ns,strike_price,put_or_call";
        let mut csv = format!("{heading}\n");
        for of in self.venue.config().instruments.iter().map(|listing| &listing.instrument) {
            let row = [
                quoted(&of.symbol),
                snake(&format!("{:?}", of.kind)),
                snake(&format!("{:?}", of.style)),
                self.asset(of.base),
                self.asset(of.quote),
                self.asset(of.settle),
                decimal::format(of.contract_multiplier.into(), STEPS),
                of.maturity_ns.map_or_else(String::new, |maturity| maturity.to_string()),
                of.strike_price.map_or_else(String::new, |strike| self.price(of.id, strike)),
                of.put_or_call.map_or_else(String::new, |side| snake(&format!("{side:?}"))),
            ];
            line(&mut csv, &row);
        }
        Table { name: "instruments", csv }
    }

    fn positions(&self) -> Table {
        let clearing = self.venue.clearing();
        let mut csv = "account,symbol,qty,mark,settle,initial,maintenance,realized\n".to_owned();
        for account in self.accounts() {
            for of in clearing.positions(account) {
                let at = of.instrument;
                let Some(settle) = clearing.contract(at).map(tiderace_engine::venue::Contract::settle) else {
                    continue;
                };
                let mark = clearing.mark(at).map_or_else(String::new, |mark| self.price(at, mark));
                let money = |value| self.amount(settle, value);
                let row = [
                    self.account(account),
                    self.symbol(at),
                    self.qty(at, of.qty),
                    mark,
                    self.asset(settle),
                    money(of.initial),
                    money(of.maintenance),
                    money(of.realized),
                ];
                line(&mut csv, &row);
            }
        }
        Table { name: "positions", csv }
    }

    fn balances(&self) -> Table {
        let clearing = self.venue.clearing();
        let mut csv = "account,asset,total,available,held\n".to_owned();
        for account in self.accounts() {
            for asset in self.assets() {
                let of = clearing.balance(account, asset);
                if of == tiderace_engine::venue::Balance::default() {
                    continue;
                }
                let money = |value: tiderace_types::Amount| self.amount(asset, value.get());
                let row =
                    [self.account(account), self.asset(asset), money(of.total), money(of.available), money(of.held)];
                line(&mut csv, &row);
            }
        }
        Table { name: "balances", csv }
    }

    fn margin(&self) -> Table {
        let clearing = self.venue.clearing();
        let mut csv = "account,asset,equity,collateral,initial,maintenance,held,stage\n".to_owned();
        for account in self.accounts() {
            for asset in self.assets() {
                let of = clearing.standing(account, asset);
                if of.equity.get() == 0 && of.initial.get() == 0 && of.held.get() == 0 {
                    continue;
                }
                let money = |value: tiderace_types::Amount| self.amount(asset, value.get());
                let row = [
                    self.account(account),
                    self.asset(asset),
                    money(of.equity),
                    money(of.collateral),
                    money(of.initial),
                    money(of.maintenance),
                    money(of.held),
                    snake(&format!("{:?}", clearing.stage(account))),
                ];
                line(&mut csv, &row);
            }
        }
        Table { name: "margin", csv }
    }

    fn trades(&self, trades: &[(Ts, Trade)]) -> Table {
        let mut csv = "ts_ns,trade_id,symbol,price,qty,maker,taker,aggressor,kind\n".to_owned();
        for (ts, of) in trades {
            let row = [
                ts.get().to_string(),
                of.trade_id.0.to_string(),
                self.symbol(of.instrument),
                self.price(of.instrument, of.price),
                self.qty(of.instrument, of.qty.get()),
                self.account(of.maker),
                self.account(of.taker),
                if of.aggressor == Side::Buy { "buy" } else { "sell" }.to_owned(),
                snake(&format!("{:?}", of.kind)),
            ];
            line(&mut csv, &row);
        }
        Table { name: "trades", csv }
    }

    fn postings(&self, postings: &[Posting]) -> Table {
        let mut csv = "seq,ts_ns,debit,credit,asset,amount,kind,cause\n".to_owned();
        for of in postings {
            let row = [
                of.seq.to_string(),
                of.ts.get().to_string(),
                self.purse(of.debit),
                self.purse(of.credit),
                self.asset(of.asset),
                self.amount(of.asset, of.amount),
                snake(&format!("{:?}", of.kind)),
                of.cause.to_string(),
            ];
            line(&mut csv, &row);
        }
        Table { name: "postings", csv }
    }

    fn purse(&self, of: LedgerAccount) -> String {
        match of {
            LedgerAccount::Trading(id) if id == self.venue.clearing().house_account() => purse_of(House::Insurance),
            LedgerAccount::Trading(id) => self.account(id),
            LedgerAccount::House(house) => purse_of(house),
            LedgerAccount::Mutual(row) => {
                let member = usize::try_from(row).ok().and_then(|row| self.members.get(row));
                quoted(&format!("mutual:{}", member.copied().unwrap_or_default()))
            }
        }
    }
}

fn purse_of(house: House) -> String {
    snake(&format!("house:{house:?}"))
}

fn line(csv: &mut String, row: &[String]) {
    // A string takes everything.
    let _ = writeln!(csv, "{}", row.join(","));
}

/// `LiquidationFee` as `liquidation_fee`; what stands in braces is left out.
fn snake(name: &str) -> String {
    let mut out = String::new();
    for c in name.chars().take_while(|c| *c != ' ') {
        if c.is_ascii_uppercase() && out.chars().last().is_some_and(|last| last.is_ascii_lowercase()) {
            out.push('_');
        }
        out.push(c.to_ascii_lowercase());
    }
    out
}

/// Text as a field: in quotes where it has a comma, a quote or a line's end.
fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}
