//! q8: who is new and sells at once?

use std::{fmt, time::Duration};

use brisk::{chain::Template, prelude::*};
use compact_str::CompactString;
use rkyv::{Archive, Deserialize, Serialize};

use super::{
    super::model::Event,
    parts::{Pick, Picked},
    row::Row,
};

const SIZE: Duration = Duration::from_secs(10);

/// A row of q8.
#[derive(Archive, Serialize, Deserialize, Clone, Debug, PartialEq)]
pub(crate) struct NewUser {
    pub(crate) id: u64,
    pub(crate) name: CompactString,
    pub(crate) start: i64,
}

impl fmt::Display for NewUser {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, start } = self;
        write!(f, "{id},{name},{start}")
    }
}

impl Row for NewUser {
    fn numbers(&self) -> [u64; 4] {
        [self.id, self.name.len() as u64, self.start as u64, 0]
    }
}

/// The id and name of a person.
type Named = (u64, CompactString);

fn pick(event: Event) -> Picked<Named, u64> {
    match event {
        Event::Person(person) => Picked::First((person.id, person.name)),
        Event::Auction(auction) => Picked::Second(auction.seller),
        Event::Bid(_) => Picked::Neither,
    }
}

/// q8: the people who began to sell something in the same ten seconds in which they came. SQL:
/// `../sql/q8.sql`.
pub(crate) fn q8<C: Template<Out = Event>>(
    events: DataStream<Event, C>,
) -> DataStream<NewUser, impl Template<Out = NewUser> + use<C>> {
    let pick = Pick::new(pick);
    let second = pick.second();
    let people = events.process(pick).name("People, Sellers");
    let sellers = people.side_output(&second);
    people
        .co_group(sellers)
        .where_(|(id, _): &Named| *id)
        .equal_to(|seller: &u64| *seller)
        .window(TumblingEventTimeWindows::of(SIZE))
        .apply(|fired: Fired<u64, TimeWindow, (Vec<Named>, Vec<u64>)>, out| {
            let start = fired.window.start().millis();
            let (people, sold) = fired.content;
            if !sold.is_empty() {
                out.extend(people.into_iter().map(|(id, name)| NewUser { id, name, start }));
            }
        })
        .name("q8 New Users")
}
