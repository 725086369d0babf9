//! [`TlsSession`]: the state of one secure connection.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

use rustls::client::UnbufferedClientConnection;
use rustls::pki_types::ServerName;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus,
};

use super::{TlsError, TlsIdentity};

/// More than a handshake's messages or a record have: beyond that nothing will become whole.
const INCOMPLETE_MAX: usize = 128 * 1024;

/// What a record costs beside its bytes: header, type and tag.
const RECORD_EXTRA: usize = 5 + 1 + 16;

/// The most bytes of a record.
const RECORD_MAX: usize = 16 * 1024;

/// Where a session is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsState {
    /// The peer is not known yet; nothing can be sent.
    Handshaking,
    /// The peer is verified.
    Established,
    /// The peer has said that it sends no more.
    PeerEnded,
}

/// One secure connection, without its socket.
pub struct TlsSession {
    connection: Connection,
    state: TlsState,
    /// Received, and not a whole record yet.
    incoming: Vec<u8>,
    /// There was an error: nothing of the peer is looked at any more.
    failed: bool,
}

enum Connection {
    Client(Box<UnbufferedClientConnection>),
    Server(Box<UnbufferedServerConnection>),
}

/// What is asked of a connection in one round.
enum Ask<'a> {
    /// Hand out what was received.
    Read(&'a mut dyn FnMut(&[u8])),
    /// Encrypt.
    Write(&'a [u8]),
    /// Say that nothing follows.
    End,
}

/// What a step came to.
enum Step {
    /// There may be more to do.
    Again,
    /// Nothing to do before more is received.
    Over(TlsState),
    /// The peer has ended.
    Ended,
}

impl TlsSession {
    /// For the side that connected. What it has to say first is written to `out`.
    pub fn client(identity: &TlsIdentity, out: &mut Vec<u8>) -> Result<TlsSession, TlsError> {
        // No name is compared, so none is sent: an address never is.
        let nobody = ServerName::IpAddress(IpAddr::V4(Ipv4Addr::UNSPECIFIED).into());
        let connection = UnbufferedClientConnection::new(identity.client.clone(), nobody)
            .map_err(|source| TlsError::Identity { what: "a session", source })?;
        let mut session = TlsSession::new(Connection::Client(Box::new(connection)));
        session.process(&mut Ask::Read(&mut |_| ()), out)?;
        Ok(session)
    }

    /// For the side that accepted.
    pub fn server(identity: &TlsIdentity) -> Result<TlsSession, TlsError> {
        let connection = UnbufferedServerConnection::new(identity.server.clone())
            .map_err(|source| TlsError::Identity { what: "a session", source })?;
        Ok(TlsSession::new(Connection::Server(Box::new(connection))))
    }

    fn new(connection: Connection) -> TlsSession {
        let incoming = Vec::new();
        TlsSession { connection, state: TlsState::Handshaking, incoming, failed: false }
    }

    /// Where the session is.
    pub fn state(&self) -> TlsState {
        self.state
    }

    /// Takes in what the socket received: gives what it says to `plain`, piece by piece, and appends
    /// what has to be answered to `out`.
    ///
    /// # Errors
    /// The connection is of no use any more. What was appended to `out` should still be sent: it
    /// tells the peer why.
    pub fn receive(
        &mut self,
        bytes: &[u8],
        plain: &mut dyn FnMut(&[u8]),
        out: &mut Vec<u8>,
    ) -> Result<TlsState, TlsError> {
        self.incoming.extend_from_slice(bytes);
        self.process(&mut Ask::Read(plain), out)?;
        if self.incoming.len() > INCOMPLETE_MAX {
            self.failed = true;
            return Err(TlsError::Endless { bytes: self.incoming.len() });
        }
        Ok(self.state)
    }

    /// The socket has ended: was that announced?
    pub fn ended(&self) -> Result<(), TlsError> {
        match self.state {
            TlsState::PeerEnded => Ok(()),
            TlsState::Handshaking | TlsState::Established => Err(TlsError::CutOff),
        }
    }

    /// Encrypts `bytes` to the end of `out`, some 22 bytes more for each 16 KiB of them.
    ///
    /// # Panics
    /// Before the session is established.
    pub fn send(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), TlsError> {
        assert_ne!(self.state, TlsState::Handshaking, "nobody is there to be sent anything");
        for record in bytes.chunks(RECORD_MAX) {
            self.process(&mut Ask::Write(record), out)?;
        }
        Ok(())
    }

    /// Announces the end of what is sent.
    pub fn end(&mut self, out: &mut Vec<u8>) -> Result<(), TlsError> {
        match self.state {
            TlsState::Handshaking => Ok(()),
            TlsState::Established | TlsState::PeerEnded => self.process(&mut Ask::End, out),
        }
    }

    fn process(&mut self, ask: &mut Ask<'_>, out: &mut Vec<u8>) -> Result<(), TlsError> {
        if self.failed {
            return Err(TlsError::FailedBefore);
        }
        let mut taken = 0;
        let outcome = loop {
            let rest = &mut self.incoming[taken..];
            let (used, step) = match &mut self.connection {
                Connection::Client(client) => step(client.process_tls_records(rest), ask, out),
                Connection::Server(server) => step(server.process_tls_records(rest), ask, out),
            };
            taken += used;
            match step {
                Ok(Step::Again) => {}
                Ok(Step::Ended) => self.state = TlsState::PeerEnded,
                Ok(Step::Over(state)) => {
                    if self.state == TlsState::Handshaking {
                        self.state = state;
                    }
                    break Ok(());
                }
                Err(error) => break Err(error),
            }
        };
        self.incoming.drain(..taken);
        if outcome.is_err() {
            self.tell_why(out);
            self.failed = true;
            self.incoming = Vec::new();
        }
        outcome
    }

    /// After an error: what the peer should hear of it. That comes before the library looks at what
    /// was received, which it must not do again.
    fn tell_why(&mut self, out: &mut Vec<u8>) {
        let ask = &mut Ask::Read(&mut |_| ());
        let rest = &mut self.incoming[..];
        let _ = match &mut self.connection {
            Connection::Client(client) => step(client.process_tls_records(rest), ask, out),
            Connection::Server(server) => step(server.process_tls_records(rest), ask, out),
        };
    }
}

/// Does what a connection wants next. Gives how many received bytes are done with.
fn step<Side>(
    status: UnbufferedStatus<'_, '_, Side>,
    ask: &mut Ask<'_>,
    out: &mut Vec<u8>,
) -> (usize, Result<Step, TlsError>) {
    let UnbufferedStatus { mut discard, state } = status;
    let peer = |source| TlsError::Peer { source };
    let step = match state {
        Err(source) => Err(peer(source)),
        Ok(ConnectionState::ReadTraffic(mut traffic)) => loop {
            match traffic.next_record() {
                None => break Ok(Step::Again),
                Some(Err(source)) => break Err(peer(source)),
                Some(Ok(record)) => {
                    discard += record.discard;
                    match ask {
                        Ask::Read(plain) => plain(record.payload),
                        // All that was received was read when it was received.
                        Ask::Write(_) | Ask::End => panic!("a record appeared out of nothing"),
                    }
                }
            }
        },
        Ok(ConnectionState::EncodeTlsData(mut message)) => {
            let written = append(out, 0, |room| match message.encode(room) {
                Ok(len) => Written::Bytes(len),
                Err(EncodeError::InsufficientSize(needs)) => Written::Needs(needs),
                Err(EncodeError::AlreadyEncoded) => Written::Bytes(0),
            });
            written.map(|()| Step::Again)
        }
        Ok(ConnectionState::TransmitTlsData(message)) => {
            message.done();
            Ok(Step::Again)
        }
        Ok(ConnectionState::WriteTraffic(mut traffic)) => {
            let over = Step::Over(TlsState::Established);
            match ask {
                Ask::Read(_) => Ok(over),
                Ask::Write(bytes) => append(out, bytes.len() + RECORD_EXTRA, |room| {
                    written(traffic.encrypt(bytes, room))
                })
                .map(|()| over),
                Ask::End => {
                    append(out, RECORD_EXTRA + 2, |room| written(traffic.queue_close_notify(room)))
                        .map(|()| over)
                }
            }
        }
        Ok(ConnectionState::PeerClosed) => Ok(Step::Ended),
        Ok(ConnectionState::Closed) => Ok(Step::Over(TlsState::PeerEnded)),
        Ok(ConnectionState::BlockedHandshake) => Ok(Step::Over(TlsState::Handshaking)),
        // Early data is never offered.
        Ok(other) => Err(peer(rustls::Error::General(format!("unexpected state: {other:?}")))),
    };
    (discard, step)
}

/// What became of an attempt to write into some room.
enum Written {
    Bytes(usize),
    Needs(InsufficientSizeError),
    /// The keys may encrypt no more: after 2^24 records of a connection that can't change them.
    Exhausted,
}

fn written(answer: Result<usize, EncryptError>) -> Written {
    match answer {
        Ok(len) => Written::Bytes(len),
        Err(EncryptError::InsufficientSize(needs)) => Written::Needs(needs),
        Err(EncryptError::EncryptExhausted) => Written::Exhausted,
    }
}

/// Lets `write` append to `out`, with as much room as it turns out to need.
fn append(
    out: &mut Vec<u8>,
    room: usize,
    mut write: impl FnMut(&mut [u8]) -> Written,
) -> Result<(), TlsError> {
    let start = out.len();
    let mut room = room;
    loop {
        out.resize(start + room, 0);
        match write(&mut out[start..]) {
            Written::Bytes(len) => {
                out.truncate(start + len);
                return Ok(());
            }
            Written::Needs(InsufficientSizeError { required_size }) if required_size > room => {
                room = required_size;
            }
            Written::Needs(_) | Written::Exhausted => {
                out.truncate(start);
                return Err(TlsError::Peer { source: rustls::Error::EncryptError });
            }
        }
    }
}

impl fmt::Debug for TlsSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TlsSession({:?}, {} bytes incomplete)", self.state, self.incoming.len())
    }
}
