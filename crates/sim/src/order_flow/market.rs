//! Flows that are wired up: one flow and one matcher, and the flows of several books in the order of time.

use tiderace_book::by_order::Book;
use tiderace_matching::{Command, Event, Matcher, NewOrder, Terms};
use tiderace_types::{Price, Side, TimeInForce, Ts};

use super::{BookView, Entry, FlowCommand, FlowEvent, FlowParams, OrderFlow, OrderFlowError};

/// One flow on one matcher, with nothing between: no accounts, no risk, no latency.
pub struct FlowMarket {
    flow: OrderFlow,
    matcher: Matcher,
    events: Vec<Event>,
}

impl FlowMarket {
    /// A market whose book is empty; [`Self::open`] or [`Self::rest`] fill it.
    ///
    /// # Errors
    /// [`OrderFlowError`] where a number is out of its range.
    pub fn new(params: FlowParams, seed: u64) -> Result<Self, OrderFlowError> {
        Ok(Self::over(OrderFlow::new(params, seed)?, seed))
    }

    /// A market for a flow.
    #[must_use]
    pub fn over(flow: OrderFlow, seed: u64) -> Self {
        Self { flow, matcher: Matcher::new(1_024, seed), events: Vec::new() }
    }

    /// Sends the orders of [`OrderFlow::opening`].
    pub fn open(&mut self) {
        for command in self.flow.opening() {
            self.apply(&command);
        }
    }

    /// Sends an order of the crowd out of turn.
    pub fn rest(&mut self, side: Side, price: Price) {
        let command = self.flow.rest(side, price);
        self.apply(&command);
    }

    /// Carries out the flow's next command, and gives its time and what happened.
    pub fn step(&mut self) -> (Ts, FlowCommand, &[Event]) {
        let (ts, command) = self.flow.next(&BookView::of(self.matcher.book()));
        (ts, command, self.apply(&command))
    }

    /// Carries out a command and tells the flow what became of it.
    pub fn apply(&mut self, command: &FlowCommand) -> &[Event] {
        self.events.clear();
        self.matcher.apply(&Command::from(*command), &mut self.events);
        for event in &self.events {
            self.flow.on_match(event);
        }
        &self.events
    }

    /// What rests.
    #[must_use]
    pub const fn book(&self) -> &Book<Terms> {
        self.matcher.book()
    }

    /// Where it comes from.
    #[must_use]
    pub const fn flow(&self) -> &OrderFlow {
        &self.flow
    }
}

impl BookView {
    /// The best prices of a book.
    #[must_use]
    pub fn of<T: Copy>(book: &Book<T>) -> Self {
        let best = |side| book.best(side).map(|level| level.price);
        Self { best_bid: best(Side::Buy), best_ask: best(Side::Sell) }
    }
}

impl From<FlowCommand> for Command {
    fn from(command: FlowCommand) -> Self {
        match command {
            FlowCommand::New { order_id, owner, side, price, qty, entry } => {
                let order = NewOrder { owner, ..NewOrder::limit(order_id, side, price, qty) };
                Self::New(match entry {
                    Entry::Gtc => order,
                    Entry::PostOnly => NewOrder { post_only: true, ..order },
                    Entry::Ioc => NewOrder { time_in_force: TimeInForce::Ioc, ..order },
                })
            }
            FlowCommand::Market { order_id, owner, side, qty } => {
                Self::New(NewOrder { owner, ..NewOrder::market(order_id, side, qty) })
            }
            FlowCommand::Cancel { order_id, .. } => Self::Cancel { order_id },
        }
    }
}

impl OrderFlow {
    /// As [`Self::on_event`], in the words of a matcher: a trade is told to both its orders.
    pub fn on_match(&mut self, event: &Event) {
        if let Event::Trade { maker, taker, qty, maker_leaves_qty, taker_leaves_qty, .. } = *event {
            for (order_id, leaves_qty) in [(maker, maker_leaves_qty), (taker, taker_leaves_qty)] {
                self.on_event(&FlowEvent::Filled { order_id, last_qty: qty, leaves_qty });
            }
        } else if let Event::Canceled { order_id, .. } | Event::Rejected { order_id, .. } = *event {
            self.on_event(&FlowEvent::Ended { order_id });
        }
    }
}

/// The flows of several books, merged by time. Books of one seed have their fair value in common.
pub struct OrderFlows {
    flows: Vec<OrderFlow>,
    /// The next command of each; drawn when it is needed, and after the one before has been told.
    heads: Vec<Option<(Ts, FlowCommand)>>,
}

impl OrderFlows {
    /// One flow for each entry; books are counted from 0.
    ///
    /// # Errors
    /// [`OrderFlowError`] where a number is out of its range, or there are more books than 65,536.
    pub fn new(params: Vec<FlowParams>, seed: u64) -> Result<Self, OrderFlowError> {
        let too_many = OrderFlowError { key: "books", rule: "at most 65,536" };
        let flows = params.into_iter().enumerate().map(|(book, params)| {
            let book = u16::try_from(book).map_err(|_| too_many)?;
            OrderFlow::of_book(params, seed, book)
        });
        let flows = flows.collect::<Result<Vec<_>, _>>()?;
        Ok(Self { heads: flows.iter().map(|_| None).collect(), flows })
    }

    /// The next command of all, its time and its book; none where there is no book. `view` tells a book's best prices.
    pub fn next(&mut self, mut view: impl FnMut(usize) -> BookView) -> Option<(Ts, usize, FlowCommand)> {
        for (book, (flow, head)) in self.flows.iter_mut().zip(&mut self.heads).enumerate() {
            head.get_or_insert_with(|| flow.next(&view(book)));
        }
        let heads = self.heads.iter().enumerate().filter_map(|(book, head)| head.map(|(ts, _)| (ts, book)));
        let (_, book) = heads.min()?;
        let (ts, command) = self.heads.get_mut(book)?.take()?;
        Some((ts, book, command))
    }

    /// The flow of a book.
    pub fn book_mut(&mut self, book: usize) -> Option<&mut OrderFlow> {
        self.flows.get_mut(book)
    }
}
