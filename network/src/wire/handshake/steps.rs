//! The step function of both sides.

use super::{
    ClusterSecret, HandshakeError, Message, Nonce, Refusal,
    message::{HEAD_BYTES, Inbox, MAGIC, MessageKind},
    secret::{PROOF_BYTES, Role},
};
use crate::{
    ChannelIndex,
    wire::{
        AttemptId, JobId, PartitionAddress, PartitionId, constants::VERSION, request::ADDRESS_BYTES,
    },
};

/// What has become of the handshake.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum HandshakeStep {
    /// It waits for more bytes.
    More,
    /// Send this; then it waits for more bytes.
    Send(Message),
    /// The peer is of this cluster and wants this: answer with [`Handshake::welcome`] or
    /// [`Handshake::refuse`].
    Decide(PartitionAddress),
    /// Frames come next, behind this message if there is one.
    Done(Option<Message>, Established),
    /// It is over: send this, if there is something to say, and close.
    Failed(Option<Message>, HandshakeError),
}

/// Both sides know who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Established {
    /// What the connection was opened for; more channels may follow.
    pub subject: PartitionAddress,
}

/// What a side waits for. What it keeps of what was said is what proofs are about.
#[derive(Clone, Debug)]
enum State {
    /// Who accepts: for Hello.
    Hello,
    /// Who connects: for Challenge.
    Challenge { hello: Message, subject: PartitionAddress },
    /// Who accepts: for Proof.
    Proof { hello: Message, challenge: Message },
    /// Who accepts: for its own caller.
    Decision { welcome: Message, subject: PartitionAddress },
    /// Who connects: for Welcome.
    Welcome { hello: Message, challenge: Message, proof: Message, subject: PartitionAddress },
    /// Nothing: done or failed.
    Over,
}

/// One side of a handshake.
#[derive(Clone, Debug)]
pub struct Handshake {
    secret: ClusterSecret,
    nonce: Nonce,
    inbox: Inbox,
    state: State,
}

impl Handshake {
    /// The side that connects, for `subject`, and its first message.
    pub fn initiate(
        secret: ClusterSecret,
        nonce: Nonce,
        subject: PartitionAddress,
    ) -> (Self, Message) {
        let hello = Message::new(MessageKind::Hello, None, &[&nonce.0]);
        let state = State::Challenge { hello, subject };
        (Self { secret, nonce, inbox: Inbox::new(), state }, hello)
    }

    /// The side that accepts.
    pub fn accept(secret: ClusterSecret, nonce: Nonce) -> Self {
        Self { secret, nonce, inbox: Inbox::new(), state: State::Hello }
    }

    /// Where the next bytes go. No byte behind the present message is asked for.
    pub fn space(&mut self) -> &mut [u8] {
        if matches!(self.state, State::Over | State::Decision { .. }) {
            return &mut [];
        }
        self.inbox.space()
    }

    /// Says that so many bytes were put into [`Handshake::space`].
    ///
    /// # Panics
    /// If the space doesn't have as many.
    pub fn advance(&mut self, bytes: usize) -> HandshakeStep {
        let expected = match self.state {
            State::Hello => MessageKind::Hello,
            State::Challenge { .. } => MessageKind::Challenge,
            State::Proof { .. } => MessageKind::Proof,
            State::Welcome { .. } => MessageKind::Welcome,
            State::Decision { .. } => {
                assert!(bytes == 0, "more bytes than there was space for");
                return HandshakeStep::More;
            }
            State::Over => return HandshakeStep::Failed(None, HandshakeError::Over),
        };
        let had_head = self.inbox.head().is_some();
        self.inbox.advance(bytes);
        if !had_head && let Some(head) = self.inbox.head() {
            match check_head(head, expected) {
                Ok(kind) => self.inbox.expect(kind),
                Err((refusal, error)) => return self.fail(refusal, error),
            }
        }
        if !self.inbox.is_full() {
            return HandshakeStep::More;
        }
        let Some(message) = self.inbox.take() else {
            let error = HandshakeError::Damaged { message: expected.name() };
            return self.fail(Some(Refusal::Protocol), error);
        };
        self.receive(message)
    }

    /// Takes the peer in.
    ///
    /// # Panics
    /// If nothing was asked.
    pub fn welcome(&mut self) -> HandshakeStep {
        let State::Decision { welcome, subject } = self.state else {
            panic!("a peer is welcomed when it has said what it wants");
        };
        self.state = State::Over;
        HandshakeStep::Done(Some(welcome), Established { subject })
    }

    /// Sends the peer away.
    ///
    /// # Panics
    /// If nothing was asked.
    pub fn refuse(&mut self, refusal: Refusal) -> HandshakeStep {
        let State::Decision { subject, .. } = self.state else {
            panic!("a peer is refused when it has said what it wants");
        };
        self.fail(Some(refusal), HandshakeError::Subject { subject, refusal })
    }

    fn fail(&mut self, refusal: Option<Refusal>, error: HandshakeError) -> HandshakeStep {
        self.state = State::Over;
        HandshakeStep::Failed(refusal.map(Message::refused), error)
    }

    fn receive(&mut self, message: Message) -> HandshakeStep {
        let (kind, refusal) = (message.said()[6], message.said()[7]);
        if kind == MessageKind::Refused as u8 {
            let refusal = Refusal::from_byte(refusal);
            return self.fail(None, HandshakeError::Refused { refusal });
        }
        let state = std::mem::replace(&mut self.state, State::Over);
        match state {
            State::Hello => {
                let challenge = Message::new(MessageKind::Challenge, None, &[&self.nonce.0]);
                self.state = State::Proof { hello: message, challenge };
                HandshakeStep::Send(challenge)
            }
            State::Challenge { hello, subject } => {
                let address = subject.to_bytes();
                let said = [hello.said(), message.said(), &address];
                let proof = self.secret.prove(Role::Initiator, &said);
                let proof = Message::new(MessageKind::Proof, None, &[&address, &proof]);
                self.state = State::Welcome { hello, challenge: message, proof, subject };
                HandshakeStep::Send(proof)
            }
            State::Proof { hello, challenge } => self.check_proof(&hello, &challenge, &message),
            State::Welcome { hello, challenge, proof, subject } => {
                let said = [hello.said(), challenge.said(), proof.said()];
                let theirs = &message.said()[HEAD_BYTES..];
                if !self.secret.is_proof(theirs, Role::Acceptor, &said) {
                    return self.fail(Some(Refusal::Secret), HandshakeError::Secret);
                }
                HandshakeStep::Done(None, Established { subject })
            }
            State::Decision { .. } | State::Over => unreachable!("no message is taken in then"),
        }
    }

    fn check_proof(
        &mut self,
        hello: &Message,
        challenge: &Message,
        message: &Message,
    ) -> HandshakeStep {
        let (address, theirs) = message.said()[HEAD_BYTES..].split_at(ADDRESS_BYTES);
        debug_assert_eq!(theirs.len(), PROOF_BYTES);
        let said = [hello.said(), challenge.said(), address];
        if !self.secret.is_proof(theirs, Role::Initiator, &said) {
            return self.fail(Some(Refusal::Secret), HandshakeError::Secret);
        }
        let address = address.try_into().expect("it was split there");
        let Some(subject) = PartitionAddress::from_bytes(address) else {
            let error = HandshakeError::Damaged { message: MessageKind::Proof.name() };
            return self.fail(Some(Refusal::Protocol), error);
        };
        let said = [hello.said(), challenge.said(), message.said()];
        let proof = self.secret.prove(Role::Acceptor, &said);
        let welcome = Message::new(MessageKind::Welcome, None, &[&proof]);
        self.state = State::Decision { welcome, subject };
        HandshakeStep::Decide(subject)
    }
}

/// The kind of the message that begins with `head`: the one expected, or a refusal.
fn check_head(
    (magic, version, kind, refusal): ([u8; 4], u16, u8, u8),
    expected: MessageKind,
) -> Result<MessageKind, (Option<Refusal>, HandshakeError)> {
    if magic != MAGIC {
        // Who speaks something else does not understand a refusal either.
        return Err((None, HandshakeError::Magic { found: magic }));
    }
    let found = MessageKind::from_byte(kind);
    if version != u16::from(VERSION) {
        // The refusal of another version is not answered, or two would refuse each other for ever.
        let is_refusal = found == Some(MessageKind::Refused);
        let answer = (!is_refusal).then_some(Refusal::Version);
        return Err((answer, HandshakeError::Version { found: version }));
    }
    match found {
        Some(MessageKind::Refused) => Ok(MessageKind::Refused),
        Some(found) if found == expected && refusal == 0 => Ok(expected),
        _ => {
            let error = HandshakeError::Order { found: kind, expected: expected.name() };
            Err((Some(Refusal::Protocol), error))
        }
    }
}

/// For fuzzing: says `bytes` to both sides of a handshake, cut where they say. Neither
/// may come to an end by them.
///
/// # Panics
/// If one does.
#[doc(hidden)]
pub fn exercise(bytes: &[u8]) {
    let subject = PartitionAddress {
        job: JobId(1),
        attempt: AttemptId(2),
        partition: PartitionId(3),
        consumer: ChannelIndex(4),
    };
    let secret = ClusterSecret::new(b"a secret of a fuzz target").expect("it is long enough");
    let nonce = Nonce([7; super::NONCE_BYTES]);
    let (initiator, _) = Handshake::initiate(secret.clone(), nonce, subject);
    for mut side in [initiator, Handshake::accept(secret, nonce)] {
        let mut rest = bytes;
        while !rest.is_empty() {
            let space = side.space();
            let piece = (1 + usize::from(rest[0] % 16)).min(rest.len()).min(space.len());
            space[..piece].copy_from_slice(&rest[..piece]);
            rest = &rest[piece..];
            match side.advance(piece) {
                HandshakeStep::More | HandshakeStep::Send(_) => {}
                HandshakeStep::Failed(..) => break,
                HandshakeStep::Decide(_) | HandshakeStep::Done(..) => {
                    panic!("a stranger was taken for a peer")
                }
            }
        }
    }
}
