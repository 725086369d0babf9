//! The sockets of the epoll backend: which are ready, and who waits for which.
//!
//! Each socket is registered with the poll once, for the edges of both directions. A side is taken
//! for ready until an attempt says otherwise; an operation on a side that isn't ready waits in it
//! for the next edge. The system forgets a registration when the descriptor is released, so an entry
//! whose socket is gone is found by the next socket of that number and replaced.

use std::collections::HashMap;
use std::os::fd::RawFd;

use mio::event::Event;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};

use crate::driver::Completion;
use crate::driver::sockets::{Direction, Socket, SocketOp, SocketStep, WeakSocket};

/// Tokens below are the backend's own.
const FIRST_TOKEN: usize = 2;

#[derive(Debug, Default)]
pub(super) struct SocketTable {
    /// By descriptor.
    entries: HashMap<RawFd, Entry>,
    /// Sides to be attempted by the next look.
    due: Vec<(RawFd, Direction)>,
    /// Operations that wait for an edge.
    waiting: usize,
}

#[derive(Debug)]
struct Entry {
    socket: WeakSocket,
    inward: Side,
    outward: Side,
    /// The system said that a half has ended, or that there is an error, and won't say so again.
    ended: bool,
}

#[derive(Debug)]
struct Side {
    ready: bool,
    operation: Option<SocketOp>,
}

impl Entry {
    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::In => &mut self.inward,
            Direction::Out => &mut self.outward,
        }
    }
}

impl SocketTable {
    /// Takes an operation, to be attempted by the next look.
    pub(super) fn start(
        &mut self,
        operation: SocketOp,
        registry: &Registry,
    ) -> Result<(), Completion> {
        let number = operation.socket().raw_descriptor();
        let known =
            self.entries.get(&number).is_some_and(|entry| entry.socket.is(operation.socket()));
        if !known && let Err(error) = self.register(operation.socket(), registry) {
            return Err(operation.failed(error));
        }
        let entry = self.entries.get_mut(&number).expect("it is registered");
        let direction = operation.direction();
        let side = entry.side(direction);
        let ready = side.ready;
        assert!(side.operation.is_none(), "one operation for each direction");
        side.operation = Some(operation);
        if ready {
            self.due.push((number, direction));
        } else {
            self.waiting += 1;
        }
        Ok(())
    }

    fn register(&mut self, socket: &Socket, registry: &Registry) -> std::io::Result<()> {
        let number = socket.raw_descriptor();
        let token = Token(FIRST_TOKEN + usize::try_from(number).expect("descriptors are positive"));
        let both = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&number), token, both)?;
        let side = || Side { ready: true, operation: None };
        let entry =
            Entry { socket: socket.downgrade(), inward: side(), outward: side(), ended: false };
        // An operation keeps its socket, so what is replaced has none.
        self.entries.insert(number, entry);
        Ok(())
    }

    /// Whether an operation waits for what only the system can say.
    pub(super) fn is_waiting(&self) -> bool {
        self.waiting > 0
    }

    /// Takes in what the system says of one socket.
    pub(super) fn note(&mut self, event: &Event) {
        let Some(number) = event.token().0.checked_sub(FIRST_TOKEN) else { return };
        let number = RawFd::try_from(number).expect("made from a descriptor");
        let Some(entry) = self.entries.get_mut(&number) else { return };
        entry.ended |= event.is_read_closed() || event.is_write_closed() || event.is_error();
        let inward = event.is_readable() || entry.ended;
        let outward = event.is_writable() || entry.ended;
        for (direction, now) in [(Direction::In, inward), (Direction::Out, outward)] {
            let side = entry.side(direction);
            if now && !side.ready {
                side.ready = true;
                if side.operation.is_some() {
                    self.waiting -= 1;
                    self.due.push((number, direction));
                }
            }
        }
    }

    /// Attempts what is due.
    pub(super) fn attempt(&mut self, done: &mut Vec<Completion>) {
        while let Some((number, direction)) = self.due.pop() {
            let entry = self.entries.get_mut(&number).expect("what is due has an entry");
            let ended = entry.ended;
            let side = entry.side(direction);
            let operation = side.operation.take().expect("what is due has an operation");
            let asked = operation.room();
            match operation.attempt() {
                SocketStep::Done(completion) => {
                    // It took all there was: the next byte makes an edge. An end may have come
                    // before, whose edge is over.
                    let all = completion.result.as_ref().ok().zip(asked);
                    side.ready = ended || all.is_none_or(|(got, asked)| *got == asked);
                    done.push(completion);
                }
                SocketStep::Blocked(operation) | SocketStep::Again(operation) => {
                    side.ready = false;
                    side.operation = Some(operation);
                    self.waiting += 1;
                }
            }
        }
    }
}
