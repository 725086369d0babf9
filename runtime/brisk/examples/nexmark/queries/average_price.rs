//! q4: what do things of a category sell for?

use std::fmt;

use brisk::{chain::Template, prelude::*};
use rkyv::{Archive, Deserialize, Serialize};

use super::{
    super::model::Event,
    parts::{Pick, Picked},
    row::Row,
};

/// What is to be known of an auction.
#[derive(Archive, Serialize, Deserialize, Clone, Debug)]
struct Item {
    id: u64,
    category: u64,
    begins: i64,
    expires: i64,
}

/// What is to be known of a bid.
#[derive(Archive, Serialize, Deserialize, Clone, Copy, Debug)]
struct Offer {
    auction: u64,
    price: u64,
    at: i64,
}

impl Item {
    fn takes(&self, offer: &Offer) -> bool {
        (self.begins..=self.expires).contains(&offer.at)
    }
}

fn pick(event: Event) -> Picked<Offer, Item> {
    match event {
        Event::Bid(bid) => {
            Picked::First(Offer { auction: bid.auction, price: bid.price, at: bid.date_time })
        }
        Event::Auction(auction) => {
            let (id, category) = (auction.id, auction.category);
            let (begins, expires) = (auction.date_time, auction.expires);
            Picked::Second(Item { id, category, begins, expires })
        }
        Event::Person(_) => Picked::Neither,
    }
}

/// The category of an auction that has ended, and its highest bid.
type Sold = (u64, u64);

/// Waits for the end of each auction.
#[derive(Clone)]
struct HighestOffer {
    item: ValueState<Item>,
    highest: ValueState<u64>,
    /// Bids that came before their auction: subtasks are not at the same event time.
    early: ListState<Offer>,
}

impl HighestOffer {
    fn new() -> Self {
        let (item, highest) = (ValueState::new("item"), ValueState::new("highest"));
        Self { item, highest, early: ListState::new("early") }
    }

    fn take(
        &self,
        item: &Item,
        offers: &[Offer],
        context: &mut KeyedContext<'_, '_, u64>,
    ) -> Result<(), BoxError> {
        let valid = offers.iter().filter(|offer| item.takes(offer)).map(|offer| offer.price).max();
        let Some(price) = valid else { return Ok(()) };
        let mut highest = context.state(&self.highest)?;
        if highest.value()?.is_none_or(|known| known < price) {
            highest.update(&price)?;
        }
        Ok(())
    }
}

impl KeyedCoProcessFunction<u64, Offer, Item> for HighestOffer {
    type Out = Sold;

    fn open(&mut self, context: &mut KeyedOpenContext<'_, u64>) -> Result<(), BoxError> {
        context.register(&mut self.item)?;
        context.register(&mut self.highest)?;
        Ok(context.register(&mut self.early)?)
    }

    fn process_first(
        &mut self,
        offer: Offer,
        context: &mut KeyedContext<'_, '_, u64>,
        _: &mut Collector<Sold>,
    ) -> Result<(), BoxError> {
        if let Some(item) = context.state(&self.item)?.value()? {
            return self.take(&item, &[offer], context);
        }
        // An auction that it may be for will be known when all of this time is.
        context.state(&self.early)?.add(&offer)?;
        context.register_event_time_timer(Timestamp::from_millis(offer.at));
        Ok(())
    }

    fn process_second(
        &mut self,
        item: Item,
        context: &mut KeyedContext<'_, '_, u64>,
        _: &mut Collector<Sold>,
    ) -> Result<(), BoxError> {
        let mut early = context.state(&self.early)?;
        let offers = early.get()?;
        early.clear()?;
        self.take(&item, &offers, context)?;
        context.state(&self.item)?.update(&item)?;
        context.register_event_time_timer(Timestamp::from_millis(item.expires));
        Ok(())
    }

    fn on_timer(
        &mut self,
        time: Timestamp,
        context: &mut KeyedContext<'_, '_, u64>,
        out: &mut Collector<Sold>,
    ) -> Result<(), BoxError> {
        let Some(item) = context.state(&self.item)?.value()? else {
            let mut early = context.state(&self.early)?;
            let mut offers = early.get()?;
            offers.retain(|offer| offer.at > time.millis());
            return Ok(early.update(&offers)?);
        };
        if item.expires > time.millis() {
            return Ok(());
        }
        let mut highest = context.state(&self.highest)?;
        if let Some(price) = highest.value()? {
            out.collect((item.category, price));
        }
        highest.clear()?;
        Ok(context.state(&self.item)?.clear()?)
    }
}

/// A row of q4.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) struct AveragePrice {
    pub(crate) category: u64,
    pub(crate) average: u64,
}

impl fmt::Display for AveragePrice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{},{}", self.category, self.average)
    }
}

impl Row for AveragePrice {
    fn numbers(&self) -> [u64; 4] {
        [self.category, self.average, 0, 0]
    }
}

/// Averages what is sold of each category, and tells when there is nothing more to come.
#[derive(Clone)]
struct Average {
    /// Sum of prices, and how many.
    sold: ValueState<(u64, u64)>,
}

/// The last timer but for the end of time itself.
const END: Timestamp = Timestamp::from_millis(i64::MAX - 1);

impl KeyedProcessFunction<u64, Sold> for Average {
    type Out = AveragePrice;

    fn open(&mut self, context: &mut KeyedOpenContext<'_, u64>) -> Result<(), BoxError> {
        Ok(context.register(&mut self.sold)?)
    }

    fn process_element(
        &mut self,
        (_, price): Sold,
        context: &mut KeyedContext<'_, '_, u64>,
        _: &mut Collector<AveragePrice>,
    ) -> Result<(), BoxError> {
        let mut sold = context.state(&self.sold)?;
        let known = sold.value()?;
        let (sum, count) = known.unwrap_or_default();
        sold.update(&(sum + price, count + 1))?;
        if known.is_none() {
            context.register_event_time_timer(END);
        }
        Ok(())
    }

    fn on_timer(
        &mut self,
        _: Timestamp,
        context: &mut KeyedContext<'_, '_, u64>,
        out: &mut Collector<AveragePrice>,
    ) -> Result<(), BoxError> {
        if let Some((sum, count)) = context.state(&self.sold)?.value()? {
            out.collect(AveragePrice { category: *context.current_key(), average: sum / count });
        }
        Ok(())
    }
}

/// q4: the average of the highest bids of each category's auctions, rounded down, a row for each
/// category when the input has ended. SQL: `../sql/q4.sql`.
pub(crate) fn q4<C: Template<Out = Event>>(
    events: DataStream<Event, C>,
) -> DataStream<AveragePrice, impl Template<Out = AveragePrice> + use<C>> {
    let pick = Pick::new(pick);
    let second = pick.second();
    let offers = events.process(pick).name("Offers, Items");
    let items = offers.side_output(&second).key_by(|item: &Item| item.id);
    let offers = offers.key_by(|offer: &Offer| offer.auction);
    let sold = offers.connect(items).process(HighestOffer::new()).name("Highest Offers");
    let average = Average { sold: ValueState::new("sold") };
    sold.key_by(|(category, _): &Sold| *category).process(average).name("q4 Average Prices")
}
