//! The end of a result partition whose consumer is in another process.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt,
    rc::{Rc, Weak},
};

use brisk_memory::Buffer;

use super::link::Link;
use crate::{Event, Item, barrier::CheckpointBarrier, wire::ChannelId};

/// What becomes of what a producer sends.
#[derive(Default)]
enum State {
    /// Nobody has asked for it yet: it waits, bounded by the segments of the partition.
    #[default]
    Before,
    /// It goes to a channel of a connection.
    Attached(Weak<RefCell<Link>>, ChannelId),
    /// The consumer or the connection is gone: it is dropped.
    Over,
}

/// The way from a result partition to one remote consumer.
#[derive(Default)]
pub struct RemoteSubpartition {
    state: RefCell<State>,
    waiting: RefCell<VecDeque<Item>>,
    /// The end of the partition was handed over.
    ended: Cell<bool>,
}

impl RemoteSubpartition {
    /// One that nobody has asked for.
    pub fn new() -> Rc<Self> {
        Rc::new(Self::default())
    }

    /// Hands `item` over, behind all that was handed over before.
    pub(crate) fn send(&self, item: Item) {
        if matches!(item, Item::Event(Event::EndOfPartition)) {
            self.ended.set(true);
        }
        match &*self.state.borrow() {
            State::Before => self.waiting.borrow_mut().push_back(item),
            State::Over => {}
            State::Attached(link, channel) => {
                let Some(link) = link.upgrade() else { return };
                let mut link = link.borrow_mut();
                let Some(connection) = link.connection() else { return };
                match item {
                    Item::Buffer(_) => {
                        let overtaken = connection.push(*channel, item);
                        assert!(overtaken.is_empty(), "a buffer overtakes nothing");
                    }
                    Item::Event(event) => connection.push_in_order(*channel, event),
                }
            }
        }
    }

    /// Hands a barrier over that goes before all that waits here; that, oldest first.
    pub(crate) fn overtake(&self, barrier: CheckpointBarrier) -> Vec<Buffer> {
        let item = Item::Event(Event::Barrier(barrier));
        match &*self.state.borrow() {
            State::Before => {
                let mut waiting = self.waiting.borrow_mut();
                let buffers = waiting.iter().filter_map(|item| match item {
                    Item::Buffer(buffer) => Some(buffer.clone()),
                    Item::Event(_) => None,
                });
                let buffers = buffers.collect();
                waiting.push_front(item);
                buffers
            }
            State::Over => Vec::new(),
            State::Attached(link, channel) => {
                let Some(link) = link.upgrade() else { return Vec::new() };
                let mut link = link.borrow_mut();
                link.connection().map_or(Vec::new(), |open| open.push(*channel, item))
            }
        }
    }

    /// The consumer has asked: what waited goes to its channel.
    pub(super) fn attach(&self, link: &Rc<RefCell<Link>>, channel: ChannelId) {
        *self.state.borrow_mut() = State::Attached(Rc::downgrade(link), channel);
        for item in self.waiting.take() {
            self.send(item);
        }
    }

    /// Nobody reads it any more.
    pub(super) fn end(&self) {
        *self.state.borrow_mut() = State::Over;
        self.waiting.borrow_mut().clear();
    }

    /// Whether a consumer has asked, and all that it is to get was handed to its channel.
    pub(super) fn is_handed_over(&self) -> bool {
        self.ended.get() && matches!(*self.state.borrow(), State::Attached(..))
    }

    /// Whether a consumer may still ask.
    pub(super) fn is_wanted(&self) -> bool {
        matches!(*self.state.borrow(), State::Before)
    }
}

impl fmt::Debug for RemoteSubpartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match &*self.state.borrow() {
            State::Before => "before",
            State::Attached(..) => "attached",
            State::Over => "over",
        };
        write!(f, "RemoteSubpartition({state}, {} waiting)", self.waiting.borrow().len())
    }
}
