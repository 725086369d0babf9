//! q3: who sells in some states? A join without windows, of all that ever came.

use std::fmt;

use brisk::{chain::Template, prelude::*};
use compact_str::CompactString;
use rkyv::{Archive, Deserialize, Serialize};

use super::{
    super::model::Event,
    parts::{Pick, Picked},
    row::Row,
};

const CATEGORY: u64 = 10;
const STATES: [&str; 3] = ["OR", "ID", "CA"];

/// Somebody in one of the states.
#[derive(Archive, Serialize, Deserialize, Clone, Debug)]
struct Seller {
    id: u64,
    name: CompactString,
    city: CompactString,
    state: CompactString,
}

/// An auction of the category.
#[derive(Archive, Serialize, Deserialize, Clone, Debug)]
struct Item {
    id: u64,
    seller: u64,
}

/// A row of q3.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) struct LocalItem {
    pub(crate) name: CompactString,
    pub(crate) city: CompactString,
    pub(crate) state: CompactString,
    pub(crate) auction: u64,
}

impl fmt::Display for LocalItem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, city, state, auction } = self;
        write!(f, "{name},{city},{state},{auction}")
    }
}

impl Row for LocalItem {
    fn numbers(&self) -> [u64; 4] {
        let lengths = [&self.name, &self.city, &self.state].map(|text| text.len() as u64);
        [self.auction, lengths[0], lengths[1], lengths[2]]
    }
}

fn pick(event: Event) -> Picked<Seller, Item> {
    match event {
        Event::Person(person) if STATES.contains(&person.state.as_str()) => {
            let (id, name, city, state) = (person.id, person.name, person.city, person.state);
            Picked::First(Seller { id, name, city, state })
        }
        Event::Auction(auction) if auction.category == CATEGORY => {
            Picked::Second(Item { id: auction.id, seller: auction.seller })
        }
        _ => Picked::Neither,
    }
}

/// Joins a seller with all of their items, whatever comes first.
#[derive(Clone)]
struct Join {
    seller: ValueState<Seller>,
    /// Items of which the seller is not known yet.
    waiting: ListState<u64>,
}

fn row(seller: &Seller, auction: u64) -> LocalItem {
    let Seller { name, city, state, .. } = seller.clone();
    LocalItem { name, city, state, auction }
}

impl KeyedCoProcessFunction<u64, Seller, Item> for Join {
    type Out = LocalItem;

    fn open(&mut self, context: &mut KeyedOpenContext<'_, u64>) -> Result<(), BoxError> {
        context.register(&mut self.seller)?;
        Ok(context.register(&mut self.waiting)?)
    }

    fn process_first(
        &mut self,
        seller: Seller,
        context: &mut KeyedContext<'_, '_, u64>,
        out: &mut Collector<LocalItem>,
    ) -> Result<(), BoxError> {
        let mut waiting = context.state(&self.waiting)?;
        out.extend(waiting.get()?.into_iter().map(|item| row(&seller, item)));
        waiting.clear()?;
        Ok(context.state(&self.seller)?.update(&seller)?)
    }

    fn process_second(
        &mut self,
        item: Item,
        context: &mut KeyedContext<'_, '_, u64>,
        out: &mut Collector<LocalItem>,
    ) -> Result<(), BoxError> {
        match context.state(&self.seller)?.value()? {
            Some(seller) => out.collect(row(&seller, item.id)),
            None => context.state(&self.waiting)?.add(&item.id)?,
        }
        Ok(())
    }
}

/// q3: the auctions of a category whose sellers live in one of three states. Keeps all such auctions
/// and sellers for ever. SQL: `../sql/q3.sql`.
pub(crate) fn q3<C: Template<Out = Event>>(
    events: DataStream<Event, C>,
) -> DataStream<LocalItem, impl Template<Out = LocalItem> + use<C>> {
    let pick = Pick::new(pick);
    let second = pick.second();
    let sellers = events.process(pick).name("Sellers, Items");
    let items = sellers.side_output(&second).key_by(|item: &Item| item.seller);
    let join = Join { seller: ValueState::new("seller"), waiting: ListState::new("waiting") };
    let sellers = sellers.key_by(|seller: &Seller| seller.id);
    sellers.connect(items).process(join).name("q3 Local Items")
}
