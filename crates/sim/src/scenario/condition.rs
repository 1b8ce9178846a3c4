//! The words of conditional orders: the command `conditional`.
//!
//! It says what a new order says, and of the program that it waits for: `form` (in hex; `program`, the file that it was
//! compiled from, is for people), `params` (`{name: value}`, as with payoffs; a price is on the tick of what is read
//! first), `reads` (the symbols that the program numbers from zero), and, where wanted, `every` and `until`.

use tiderace_program::Form;
use tiderace_types::venue::{Command, SubmitConditional};
use tiderace_types::{InstrumentId, Reason, Refusal, Ts};

use super::command::{self, NEW_ORDER_KEYS};
use super::gateway::Gateway;
use super::json::{Bad, Object};
use super::payoff;

const KEYS: [&str; 6] = ["program", "form", "params", "reads", "every", "until"];

pub(super) fn conditional(line: &Object<'_>, gateway: &mut Gateway) -> Result<Command, Bad> {
    line.only(&[NEW_ORDER_KEYS, &KEYS].concat())?;
    line.text_or_none("program")?;
    let (order, about, filled) = command::order(line, gateway)?;
    let mut reads: Vec<InstrumentId> = Vec::new();
    for symbol in line.list_or_none("reads")?.unwrap_or_default() {
        let remedy = "write the symbols that the program reads";
        let symbol = symbol.as_str().ok_or_else(|| line.bad("reads", format!("{symbol} is not a symbol"), remedy))?;
        reads.push(gateway.symbol(symbol));
    }
    let interval_ns = if line.has("every") { line.duration("every")? } else { 0 };
    let expire_time = line.time_or_none("until")?.unwrap_or(Ts::ZERO);
    let form = payoff::hex(line, "form")?;
    let definition = gateway.definition(reads.first().copied().unwrap_or(order.instrument));
    let params = match (definition, Form::decode(&form)) {
        (Some(definition), Ok((form, _))) => payoff::params(line, &form, definition, Reason::BadConditionParams)?,
        // The venue refuses the instrument or the form.
        (Some(_) | None, _) => Ok(Vec::new()),
    };
    let made = filled.and(params).and_then(|params| {
        let made = SubmitConditional { order, expire_time, interval_ns, reads, params, form };
        // What no layout holds.
        if made.is_within_bounds() { Ok(made) } else { Err(Refusal::plain(Reason::BadField)) }
    });
    Ok(about.of_kind(SubmitConditional::KIND).or_refused(made))
}
