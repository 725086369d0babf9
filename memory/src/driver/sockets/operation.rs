//! An operation on a socket that waits for the other side, and what follows from each answer of the
//! system. The same for every backend.

use std::io;
use std::ops::Range;

use super::handle::{Direction, Ending, Source, Turn};
use super::{Gather, Listener, Socket, system};
use crate::driver::{Completion, IoBuffer, IoPart, Operation, OperationId};

#[derive(Debug)]
pub(crate) struct SocketOp {
    pub(crate) id: OperationId,
    pub(crate) work: Work,
    turn: Turn,
}

#[derive(Debug)]
pub(crate) enum Work {
    Accept,
    Connect,
    Receive { buffer: IoBuffer, range: Range<usize> },
    ReceiveSeveral { parts: Vec<IoPart> },
    Send { gather: Gather, sent: usize },
}

/// What follows from an answer.
#[derive(Debug)]
pub(crate) enum SocketStep {
    /// Ask for the rest.
    Again(SocketOp),
    /// Ask once more when the socket is ready.
    Blocked(SocketOp),
    Done(Completion),
}

impl SocketOp {
    pub(crate) fn accept(id: OperationId, listener: &Listener) -> SocketOp {
        SocketOp { id, work: Work::Accept, turn: listener.0.take_turn(Direction::In) }
    }

    pub(crate) fn connect(id: OperationId, socket: &Socket) -> SocketOp {
        SocketOp { id, work: Work::Connect, turn: socket.take_turn(Direction::Out) }
    }

    /// # Panics
    /// When the range is empty or outside of the buffer, or the buffer is shared.
    pub(crate) fn receive(
        id: OperationId,
        socket: &Socket,
        buffer: IoBuffer,
        range: Range<usize>,
    ) -> SocketOp {
        let available = buffer.as_slice().len();
        assert!(
            range.start < range.end && range.end <= available,
            "receiving into bytes {range:?} of a buffer of {available}"
        );
        assert!(!matches!(buffer, IoBuffer::Buffer(_)), "a shared buffer can't be received into");
        let turn = socket.take_turn(Direction::In);
        SocketOp { id, work: Work::Receive { buffer, range }, turn }
    }

    /// # Panics
    /// When there are too few or too many parts, one is empty or longer than its buffer, or shared.
    pub(crate) fn receive_several(
        id: OperationId,
        socket: &Socket,
        parts: Vec<IoPart>,
    ) -> SocketOp {
        let count = parts.len();
        assert!(count > 0 && count <= Operation::PARTS_MAX, "receiving into {count} buffers");
        for IoPart { buffer, len } in &parts {
            let available = buffer.as_slice().len();
            assert!(
                (1..=available).contains(len),
                "receiving {len} bytes into a buffer of {available}"
            );
            assert!(
                !matches!(buffer, IoBuffer::Buffer(_)),
                "a shared buffer can't be received into"
            );
        }
        let turn = socket.take_turn(Direction::In);
        SocketOp { id, work: Work::ReceiveSeveral { parts }, turn }
    }

    /// # Panics
    /// When there is nothing to send.
    pub(crate) fn send(id: OperationId, socket: &Socket, gather: Gather) -> SocketOp {
        assert!(!gather.is_empty(), "sending nothing to {}", socket.peer());
        let turn = socket.take_turn(Direction::Out);
        SocketOp { id, work: Work::Send { gather, sent: 0 }, turn }
    }

    pub(crate) fn socket(&self) -> &Socket {
        &self.turn.socket
    }

    pub(crate) fn direction(&self) -> Direction {
        self.turn.direction
    }

    /// Where a receive puts its bytes, in order.
    pub(crate) fn rooms(&mut self) -> impl Iterator<Item = &mut [u8]> {
        let (one, several) = match &mut self.work {
            Work::Receive { buffer, range } => {
                (Some(&mut buffer.as_mut_slice()[range.clone()]), Default::default())
            }
            Work::ReceiveSeveral { parts } => (None, &mut parts[..]),
            Work::Accept | Work::Connect | Work::Send { .. } => panic!("only a receive has room"),
        };
        let several = several.iter_mut().map(|part| &mut part.buffer.as_mut_slice()[..part.len]);
        one.into_iter().chain(several)
    }

    /// How many bytes a receive takes at most; none for what is no receive.
    pub(crate) fn room(&self) -> Option<usize> {
        match &self.work {
            Work::Receive { range, .. } => Some(range.len()),
            Work::ReceiveSeveral { parts } => Some(parts.iter().map(|part| part.len).sum()),
            Work::Accept | Work::Connect | Work::Send { .. } => None,
        }
    }

    /// What a send has still to send.
    pub(crate) fn rest(&self) -> impl Iterator<Item = &[u8]> {
        match &self.work {
            Work::Send { gather, sent } => gather.rest(*sent),
            _ => panic!("only a send has bytes"),
        }
    }

    /// Does now what can be done without waiting.
    pub(crate) fn attempt(self) -> SocketStep {
        let mut operation = self;
        loop {
            match operation.attempt_once() {
                SocketStep::Again(rest) => operation = rest,
                step => return step,
            }
        }
    }

    fn attempt_once(mut self) -> SocketStep {
        let socket = self.turn.socket.clone();
        let descriptor = socket.descriptor();
        match &mut self.work {
            Work::Accept => match system::accept(descriptor, socket.options()) {
                Ok(accepted) => {
                    let source = Source::System(accepted.socket);
                    let made = Socket::new(source, accepted.peer, *socket.options());
                    made.set_local(accepted.local);
                    self.done(made)
                }
                Err(error) => self.answered(Err(error)),
            },
            Work::Connect => match system::connected(descriptor) {
                Ok(local) => {
                    socket.set_local(local);
                    self.done(socket)
                }
                Err(error) => self.answered(Err(error)),
            },
            Work::Receive { .. } | Work::ReceiveSeveral { .. } => {
                let answer = system::receive(descriptor, self.rooms());
                self.answered(answer)
            }
            Work::Send { gather, sent } => {
                let answer = system::send(descriptor, gather.rest(*sent));
                self.answered(answer)
            }
        }
    }

    /// A connection was made or accepted.
    pub(crate) fn done(self, socket: Socket) -> SocketStep {
        if self.socket().ending().is_some() {
            return SocketStep::Done(self.refused());
        }
        let mut completion = self.completed(Ok(0));
        completion.socket = Some(socket);
        SocketStep::Done(completion)
    }

    /// Takes in the answer of the system: how many bytes a receive or send moved, or why not.
    pub(crate) fn answered(mut self, answer: io::Result<usize>) -> SocketStep {
        let ended = self.socket().ending().is_some();
        let bytes = match answer {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {
                return SocketStep::Again(self);
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !ended => {
                return SocketStep::Blocked(self);
            }
            Err(error) => return SocketStep::Done(self.failed(error)),
        };
        if let Some(room) = self.room() {
            assert!(bytes <= room, "{bytes} bytes came into room for {room}");
            let completion = if bytes == 0 { self.found_end() } else { self.completed(Ok(bytes)) };
            return SocketStep::Done(completion);
        }
        match &mut self.work {
            Work::Send { gather, sent } => {
                *sent += bytes;
                let (sent, len) = (*sent, gather.len());
                assert!(sent <= len, "{sent} bytes of {len} were sent");
                if sent < len {
                    return SocketStep::Again(self);
                }
                SocketStep::Done(self.completed(Ok(len)))
            }
            _ => panic!("connections are not counted in bytes"),
        }
    }

    /// A receive found an end: of the peer's half, or what this side's end or a break looks like.
    fn found_end(self) -> Completion {
        match self.socket().broken() {
            _ if self.socket().ending().is_some() => self.refused(),
            Some(kind) => self.failed(kind.into()),
            None => self.completed(Ok(0)),
        }
    }

    /// Ends an operation on a socket that this side gave up before.
    pub(crate) fn refused(self) -> Completion {
        self.failed(io::ErrorKind::NotConnected.into())
    }

    /// Ends the operation with an error that names what was done and the peer.
    pub(crate) fn failed(self, error: io::Error) -> Completion {
        let peer = self.socket().peer();
        let what = match &self.work {
            Work::Accept => format!("accepting connections on {peer}"),
            Work::Connect => format!("connecting to {peer}"),
            Work::Receive { .. } | Work::ReceiveSeveral { .. } => format!("receiving from {peer}"),
            Work::Send { gather, sent } => {
                format!("sending {} bytes to {peer} ({sent} are sent)", gather.len())
            }
        };
        let error = match self.socket().ending() {
            None => {
                // A driver that is dropped cancels what it has, which says nothing of the connection.
                let cancelled = error.raw_os_error() == Some(libc::ECANCELED);
                if !cancelled && !matches!(self.work, Work::Accept) {
                    self.socket().note_failure(error.kind());
                }
                SocketFault::of(&what, error)
            }
            Some(ending) => SocketFault::of_ending(&what, ending),
        };
        self.completed(Err(error))
    }

    fn completed(self, result: io::Result<usize>) -> Completion {
        let mut completion = Completion::of(self.id, result);
        match self.work {
            Work::Accept | Work::Connect => {}
            Work::Receive { buffer, .. } => completion.buffer = Some(buffer),
            Work::ReceiveSeveral { parts } => {
                completion.buffers = parts.into_iter().map(|part| part.buffer).collect();
            }
            Work::Send { gather, .. } => completion.gather = Some(gather),
        }
        completion
    }
}

/// The error of an operation under a message that names the operation and the peer.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct SocketFault {
    message: String,
    #[source]
    cause: Option<io::Error>,
}

impl SocketFault {
    pub(crate) fn of(what: &str, cause: io::Error) -> io::Error {
        let hint = match cause.raw_os_error() {
            Some(libc::EMFILE | libc::ENFILE) => "; raise the limit of open files (ulimit -n)",
            _ => "",
        };
        let message = format!("{what}: {cause}{hint}");
        io::Error::new(cause.kind(), SocketFault { message, cause: Some(cause) })
    }

    fn of_ending(what: &str, ending: Ending) -> io::Error {
        let (kind, why) = match ending {
            Ending::Closed => (io::ErrorKind::ConnectionAborted, "closed by this side".to_owned()),
            Ending::TimedOut(after) => {
                (io::ErrorKind::TimedOut, format!("no answer within {after:?}"))
            }
        };
        let message = format!("{what}: {why}");
        io::Error::new(kind, SocketFault { message, cause: None })
    }
}
