//! One control connection: the handshake of the data connections, then frames.
//!
//! ```text
//!  0..4   length of the body, u32 LE
//!  4..8   CRC-32C of the body
//!  8..    the body, a message
//! ```
//!
//! All is queued and nothing waits: messages are few and small beside data.

use std::{collections::VecDeque, io, net::SocketAddr};

use brisk_memory::driver::{
    AlignedBytes, Completion, Driver, Gather, IoBuffer, Operation, OperationId, Socket,
};
use brisk_network::wire::{
    PartitionAddress,
    handshake::{Handshake, HandshakeError, HandshakeStep, Message as HandshakeMessage},
};

use super::message::Message;

const HEAD_BYTES: usize = 8;
/// A body has at most so many bytes. The largest are acknowledgements of states that are kept in
/// them, of 5 MB each, and the metadata of such a checkpoint.
const BODY_BYTES_MAX: usize = 256 << 20;
const BLOCK_BYTES: usize = 64 << 10;

/// Why a control connection has ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum LinkError {
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("its connection has ended")]
    Ended,
    #[error("{0}")]
    Handshake(#[from] HandshakeError),
    #[error("it sent what is no message: {0}")]
    Message(String),
}

/// What came of received bytes.
#[derive(Debug)]
pub(super) enum Heard {
    /// The peer knows the secret, and this is what the connection is for.
    Established(PartitionAddress),
    Message(Message),
}

/// One control connection whose socket is there.
#[derive(Debug)]
pub(super) struct ControlLink {
    socket: Socket,
    handshake: Option<Handshake>,
    /// Of a frame that is not here whole.
    inbox: Vec<u8>,
    outbox: VecDeque<Vec<u8>>,
    block: Option<AlignedBytes>,
    gather: Option<Gather>,
    ended: bool,
}

impl ControlLink {
    /// A connection whose handshake begins, by this side if it has something to say.
    pub(super) fn new(
        socket: Socket,
        handshake: Handshake,
        first: Option<HandshakeMessage>,
    ) -> Self {
        Self {
            socket,
            handshake: Some(handshake),
            inbox: Vec::new(),
            outbox: first.iter().map(|message| message.as_slice().to_vec()).collect(),
            block: Some(AlignedBytes::zeroed(BLOCK_BYTES)),
            gather: Some(Gather::new()),
            ended: false,
        }
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.socket.peer()
    }

    pub(super) fn socket(&self) -> Socket {
        self.socket.clone()
    }

    /// Whether its peer is known.
    pub(super) fn is_established(&self) -> bool {
        self.handshake.is_none()
    }

    /// Whether all was sent.
    pub(super) fn is_drained(&self) -> bool {
        self.outbox.is_empty() && self.gather.is_some()
    }

    /// Sends a message, after the handshake.
    pub(super) fn send(&mut self, message: &Message) {
        let body = message.encode();
        assert!(body.len() <= BODY_BYTES_MAX, "a message of {} bytes", body.len());
        let mut frame = Vec::with_capacity(HEAD_BYTES + body.len());
        frame.extend_from_slice(&(body.len() as u32).to_le_bytes());
        frame.extend_from_slice(&crc32c::crc32c(&body).to_le_bytes());
        frame.extend_from_slice(&body);
        self.outbox.push_back(frame);
    }

    /// Submits what can be: a receive and a send at a time.
    pub(super) fn submit(&mut self, driver: &mut Driver) -> impl Iterator<Item = OperationId> {
        let receive = self.block.take().filter(|_| !self.ended).map(|block| {
            let buffer = IoBuffer::Heap(block);
            let operation =
                Operation::Receive { socket: self.socket(), buffer, range: 0..BLOCK_BYTES };
            driver.submit(operation)
        });
        let send = match (self.outbox.is_empty(), self.gather.take()) {
            (false, Some(mut gather)) => {
                let waiting = self.outbox.drain(..);
                waiting.for_each(|bytes| gather.push_bytes(&bytes));
                Some(driver.submit(Operation::Send { socket: self.socket(), gather }))
            }
            (_, gather) => {
                self.gather = gather;
                None
            }
        };
        receive.into_iter().chain(send)
    }

    /// Takes in the end of an operation.
    pub(super) fn completed(
        &mut self,
        completion: Completion,
        heard: &mut Vec<Heard>,
    ) -> Result<(), LinkError> {
        let Completion { result, buffer, gather, .. } = completion;
        if let Some(mut gather) = gather {
            gather.clear();
            self.gather = Some(gather);
            result?;
            return Ok(());
        }
        let Some(IoBuffer::Heap(block)) = buffer else { return Ok(()) };
        let bytes = match result {
            Ok(0) => {
                self.ended = true;
                return Err(LinkError::Ended);
            }
            Ok(bytes) => bytes,
            Err(error) => {
                self.ended = true;
                return Err(error.into());
            }
        };
        let taken = self.take(&block.as_slice()[..bytes], heard);
        self.block = Some(block);
        taken
    }

    fn take(&mut self, bytes: &[u8], heard: &mut Vec<Heard>) -> Result<(), LinkError> {
        let mut rest = bytes;
        while let Some(handshake) = &mut self.handshake
            && !rest.is_empty()
        {
            let space = handshake.space();
            let step = rest.len().min(space.len());
            space[..step].copy_from_slice(&rest[..step]);
            rest = &rest[step..];
            let step = handshake.advance(step);
            self.shake(step, heard)?;
        }
        self.inbox.extend_from_slice(rest);
        let mut at = 0;
        while let Some((message, next)) = frame_at(&self.inbox, at)? {
            heard.push(Heard::Message(message));
            at = next;
        }
        self.inbox.drain(..at);
        Ok(())
    }

    fn shake(&mut self, step: HandshakeStep, heard: &mut Vec<Heard>) -> Result<(), LinkError> {
        match step {
            HandshakeStep::More => Ok(()),
            HandshakeStep::Send(message) => {
                self.outbox.push_back(message.as_slice().to_vec());
                Ok(())
            }
            HandshakeStep::Decide(_) => {
                let Some(handshake) = &mut self.handshake else { return Ok(()) };
                let step = handshake.welcome();
                self.shake(step, heard)
            }
            HandshakeStep::Done(message, established) => {
                self.outbox.extend(message.map(|message| message.as_slice().to_vec()));
                self.handshake = None;
                heard.push(Heard::Established(established.subject));
                Ok(())
            }
            HandshakeStep::Failed(message, error) => {
                self.outbox.extend(message.map(|message| message.as_slice().to_vec()));
                Err(error.into())
            }
        }
    }
}

/// The message at this place, if it is here whole, and where the next begins.
fn frame_at(bytes: &[u8], at: usize) -> Result<Option<(Message, usize)>, LinkError> {
    let rest = &bytes[at..];
    let Some(head) = rest.first_chunk::<HEAD_BYTES>() else { return Ok(None) };
    let [a, b, c, d, checksum @ ..] = *head;
    let length = u32::from_le_bytes([a, b, c, d]) as usize;
    if length > BODY_BYTES_MAX {
        return Err(LinkError::Message(format!("a message of {length} bytes")));
    }
    let Some(body) = rest.get(HEAD_BYTES..HEAD_BYTES + length) else { return Ok(None) };
    if crc32c::crc32c(body) != u32::from_le_bytes(checksum) {
        return Err(LinkError::Message("its checksum is wrong".to_owned()));
    }
    let message = Message::decode(body);
    let message = message
        .map_err(|fault| LinkError::Message(format!("at byte {}: {}", fault.offset, fault.what)))?;
    Ok(Some((message, at + HEAD_BYTES + length)))
}
