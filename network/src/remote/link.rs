//! One TCP connection of a transport: what its sockets are told to do, and what came of it.

use std::{collections::VecDeque, io, net::SocketAddr, sync::Arc};

use brisk_memory::{
    Pool, Taken,
    driver::{
        AlignedBytes, Completion, Driver, Gather, Instant64, IoBuffer, Operation, OperationId,
        Socket,
    },
};

use super::{LinkOptions, RemoteError};
use crate::{
    connection::{Batch, Connection, ConnectionOptions, PeerName, Received},
    wire::{
        HEADER_BYTES, PartitionAddress, Want,
        handshake::{Handshake, HandshakeError, HandshakeStep, Message},
    },
};

/// Bytes of the block that headers and short frames are received into.
const BLOCK_BYTES: usize = 16 << 10;
/// Received behind a payload: its neighbour's header, and little of its payload, which would
/// have to be copied.
const BETWEEN_PAYLOADS: usize = HEADER_BYTES + 512;
/// A payload of which so much is missing is received into its segment directly.
const DIRECT_MIN: usize = 2 << 10;

const _: () = assert!(BETWEEN_PAYLOADS <= BLOCK_BYTES);

/// What came of received bytes.
#[derive(Debug)]
pub(super) enum Heard {
    /// The handshake is over; frames may go both ways.
    Established,
    /// A frame.
    Frame(Received),
}

#[derive(Debug)]
enum State {
    /// The system makes the connection.
    Connecting(PartitionAddress),
    Shaking(Handshake),
    Open(Connection),
    /// It ends as soon as what is left was sent.
    Ending,
}

/// Operations that were submitted.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Submitted {
    pub(super) receive: Option<OperationId>,
    pub(super) send: Option<OperationId>,
}

#[derive(Debug)]
pub(super) struct Link {
    peer: SocketAddr,
    options: LinkOptions,
    state: State,
    socket: Option<Socket>,
    block: Option<AlignedBytes>,
    messages: VecDeque<Message>,
    batch: Batch,
    gather: Option<Gather>,
    receiving: bool,
    sending: bool,
    failed: bool,
    /// It says its last word: closed before the peer has read it, the word would be lost with
    /// what the peer still sends. So that is received, and dropped, until it ends.
    lingers: bool,
    /// The peer's bytes have ended.
    at_end: bool,
    after_payload: bool,
    /// When the handshake has to be over.
    deadline: Option<Instant64>,
    /// Attempts to connect that have failed.
    attempts: u32,
}

impl Link {
    /// To a peer that the system connects to.
    pub(super) fn connecting(
        peer: SocketAddr,
        subject: PartitionAddress,
        options: LinkOptions,
    ) -> Self {
        Self::new(peer, State::Connecting(subject), options)
    }

    /// From a peer that has connected.
    pub(super) fn accepted(socket: Socket, handshake: Handshake, options: LinkOptions) -> Self {
        let link = Self::new(socket.peer(), State::Shaking(handshake), options);
        Self { socket: Some(socket), ..link }
    }

    fn new(peer: SocketAddr, state: State, options: LinkOptions) -> Self {
        Self {
            peer,
            options,
            state,
            socket: None,
            block: Some(AlignedBytes::zeroed(BLOCK_BYTES)),
            messages: VecDeque::new(),
            batch: Batch::new(),
            gather: Some(Gather::new()),
            receiving: false,
            sending: false,
            failed: false,
            lingers: false,
            at_end: false,
            after_payload: false,
            deadline: None,
            attempts: 0,
        }
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// What the connection is made for, until it is.
    pub(super) fn subject(&self) -> Option<PartitionAddress> {
        let State::Connecting(subject) = &self.state else { return None };
        Some(*subject)
    }

    /// Attempts to connect that have failed.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// Another attempt has failed; how many have.
    pub(super) fn count_attempt(&mut self) -> u32 {
        self.attempts += 1;
        self.attempts
    }

    /// The system has connected; `handshake` begins with `hello`.
    pub(super) fn connected(&mut self, socket: Socket, handshake: Handshake, hello: Message) {
        self.socket = Some(socket);
        self.state = State::Shaking(handshake);
        self.messages.push_back(hello);
    }

    /// Has the handshake end by `at`.
    pub(super) fn set_deadline(&mut self, at: Instant64) {
        self.deadline = Some(at);
    }

    /// When it has to be established, if it is not, or to be gone.
    pub(super) fn deadline(&self) -> Option<Instant64> {
        self.deadline.filter(|_| self.lingers || matches!(self.state, State::Shaking(_)))
    }

    /// The connection, once its peers know each other, as long as it is well.
    pub(super) fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.state {
            State::Open(connection) if !self.failed => Some(connection),
            _ => None,
        }
    }

    pub(super) fn is_open(&self) -> bool {
        matches!(self.state, State::Open(_)) && !self.failed
    }

    /// It ends, at `until` at the latest: what is left to say is said.
    pub(super) fn fail(&mut self, until: Instant64) {
        let speaks = match &self.state {
            State::Open(connection) => connection.has_output(),
            State::Connecting(_) | State::Shaking(_) | State::Ending => !self.messages.is_empty(),
        };
        self.lingers = speaks && !self.failed && !self.at_end;
        self.failed = true;
        self.deadline = Some(until);
        if !matches!(self.state, State::Open(_)) {
            self.state = State::Ending;
        }
    }

    /// Whether it has failed and only says why.
    pub(super) fn has_failed(&self) -> bool {
        self.failed
    }

    /// The peer had time enough to hear the last word.
    pub(super) fn stop_lingering(&mut self) {
        self.lingers = false;
    }

    /// The socket, to close it at once.
    pub(super) fn take_socket(&mut self) -> Option<Socket> {
        self.failed = true;
        self.socket.take()
    }

    /// The socket to close, when all is said.
    pub(super) fn take_finished(&mut self) -> Option<Option<Socket>> {
        let is_over = match &self.state {
            State::Connecting(_) | State::Shaking(_) => false,
            State::Open(connection) if self.failed => !connection.has_output(),
            State::Open(connection) => connection.is_over(),
            State::Ending => true,
        };
        let finished = is_over && !self.sending && !self.lingers && self.messages.is_empty();
        finished.then(|| self.socket.take())
    }

    /// Submits what can be: a receive and a send at a time.
    pub(super) fn submit(&mut self, driver: &mut Driver, headers: &mut Pool) -> Submitted {
        let Some(socket) = self.socket.clone() else { return Submitted::default() };
        let deaf = self.receiving || self.at_end || self.failed && !self.lingers;
        let receive = if deaf { None } else { self.next_receive() };
        let receive = receive.map(|(buffer, range)| {
            self.receiving = true;
            driver.submit(Operation::Receive { socket: socket.clone(), buffer, range })
        });
        let gather = if self.sending { None } else { self.next_send(headers) };
        let send = gather.map(|gather| {
            self.sending = true;
            driver.submit(Operation::Send { socket, gather })
        });
        Submitted { receive, send }
    }

    fn next_receive(&mut self) -> Option<(IoBuffer, std::ops::Range<usize>)> {
        let bytes = match &mut self.state {
            _ if self.lingers => BLOCK_BYTES,
            State::Shaking(handshake) => handshake.space().len(),
            State::Open(connection) => match connection.want() {
                Want::Nothing => 0,
                Want::Bytes(missing) if missing >= DIRECT_MIN => {
                    if let Some(space) = connection.lend() {
                        let range = space.at..space.at + space.bytes;
                        return Some((IoBuffer::Segment(space.segment), range));
                    }
                    BLOCK_BYTES
                }
                _ if self.after_payload => BETWEEN_PAYLOADS,
                _ => BLOCK_BYTES,
            },
            State::Connecting(_) | State::Ending => 0,
        };
        if bytes == 0 {
            return None;
        }
        let block = self.block.take().expect("the block is here unless it is received into");
        Some((IoBuffer::Heap(block), 0..bytes))
    }

    fn next_send(&mut self, headers: &mut Pool) -> Option<Gather> {
        if let Some(message) = self.messages.pop_front() {
            let mut gather = self.gather.take()?;
            gather.push_bytes(message.as_slice());
            return Some(gather);
        }
        let State::Open(connection) = &mut self.state else { return None };
        if !connection.has_output() {
            return None;
        }
        let output = match headers.take() {
            Taken::Segment(segment) | Taken::Overdraft(segment) => segment,
            Taken::Exhausted => return None,
        };
        if connection.fill(output, &mut self.batch).is_some() {
            return None;
        }
        let mut gather = self.gather.take()?;
        self.batch.parts().iter().for_each(|part| gather.push_buffer(part.clone()));
        Some(gather)
    }

    /// A send has ended: what it sent is let go.
    pub(super) fn sent(&mut self, completion: Completion) -> Result<(), RemoteError> {
        self.sending = false;
        let mut gather = completion.gather.unwrap_or_default();
        gather.clear();
        self.gather = Some(gather);
        self.batch.sent(self.batch.parts().iter().map(|part| part.len()).sum());
        if let State::Open(connection) = &mut self.state {
            connection.written(&mut self.batch);
        }
        match completion.result {
            Ok(_) => Ok(()),
            Err(source) => Err(self.broken(source)),
        }
    }

    /// A receive has ended; what its bytes meant.
    pub(super) fn received(
        &mut self,
        completion: Completion,
        heard: &mut Vec<Heard>,
    ) -> Result<(), RemoteError> {
        self.receiving = false;
        if self.failed {
            self.drop_received(completion);
            return Ok(());
        }
        let bytes = match completion.result {
            Ok(bytes) => bytes,
            Err(source) => return Err(self.broken(source)),
        };
        match completion.buffer {
            Some(IoBuffer::Segment(segment)) => {
                let State::Open(connection) = &mut self.state else { return Ok(()) };
                let received = connection.take_back(segment, bytes)?;
                self.hear(received, heard);
            }
            Some(IoBuffer::Heap(block)) => {
                let taken = self.take(&block.as_slice()[..bytes], heard);
                self.block = Some(block);
                taken?;
            }
            Some(IoBuffer::Buffer(_)) | None => unreachable!("a receive brings its buffer back"),
        }
        if bytes == 0 { self.ended() } else { Ok(()) }
    }

    fn drop_received(&mut self, completion: Completion) {
        if let Some(IoBuffer::Heap(block)) = completion.buffer {
            self.block = Some(block);
        }
        self.lingers &= completion.result.is_ok_and(|bytes| bytes > 0);
    }

    fn take(&mut self, bytes: &[u8], heard: &mut Vec<Heard>) -> Result<(), RemoteError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            match &mut self.state {
                State::Shaking(handshake) => {
                    let space = handshake.space();
                    let step = rest.len().min(space.len());
                    space[..step].copy_from_slice(&rest[..step]);
                    rest = &rest[step..];
                    let step = handshake.advance(step);
                    self.shake(step, heard)?;
                }
                State::Open(connection) => {
                    let (taken, received) = connection.feed(rest)?;
                    rest = &rest[taken..];
                    self.hear(received, heard);
                }
                State::Connecting(_) | State::Ending => return Ok(()),
            }
        }
        Ok(())
    }

    fn hear(&mut self, received: Option<Received>, heard: &mut Vec<Heard>) {
        let Some(received) = received else { return };
        self.after_payload = matches!(received, Received::Data { .. });
        heard.push(Heard::Frame(received));
    }

    fn shake(&mut self, step: HandshakeStep, heard: &mut Vec<Heard>) -> Result<(), RemoteError> {
        match step {
            HandshakeStep::More => Ok(()),
            HandshakeStep::Send(message) => {
                self.messages.push_back(message);
                Ok(())
            }
            HandshakeStep::Decide(_) => {
                // A partition that is not here may come: each request is decided by itself.
                let State::Shaking(handshake) = &mut self.state else { return Ok(()) };
                let step = handshake.welcome();
                self.shake(step, heard)
            }
            HandshakeStep::Done(message, _) => {
                self.messages.extend(message);
                self.state = State::Open(self.open()?);
                heard.push(Heard::Established);
                Ok(())
            }
            HandshakeStep::Failed(message, error) => {
                self.messages.extend(message);
                Err(self.handshake_error(error))
            }
        }
    }

    fn open(&self) -> Result<Connection, RemoteError> {
        let LinkOptions { segment_bytes, codec, marks, channels_max, trust, .. } = self.options;
        let peer = PeerName::new(&self.peer.to_string());
        let options = ConnectionOptions { peer, segment_bytes, codec, marks, channels_max, trust };
        let memory = |source| RemoteError::Memory { peer: self.peer, source: Arc::new(source) };
        Connection::new(options).map_err(memory)
    }

    fn ended(&mut self) -> Result<(), RemoteError> {
        self.at_end = true;
        match &mut self.state {
            State::Open(connection) => Ok(connection.ended()?),
            State::Shaking(_) => Err(RemoteError::HandshakeEnded { peer: self.peer }),
            State::Connecting(_) | State::Ending => Ok(()),
        }
    }

    /// The system says that it is over: nothing more can be said.
    fn broken(&mut self, source: io::Error) -> RemoteError {
        self.state = State::Ending;
        self.messages.clear();
        RemoteError::Io { peer: self.peer, source: Arc::new(source) }
    }

    fn handshake_error(&self, source: HandshakeError) -> RemoteError {
        RemoteError::Handshake { peer: self.peer, source }
    }
}
