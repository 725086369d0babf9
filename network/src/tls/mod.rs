//! TLS 1.3 between processes of one cluster, as a transformer of bytes: it does no I/O.
//!
//! ```text
//!   frames --> TlsSession::send --> bytes of a Gather --> socket
//!   frames <-- TlsSession::receive <-- bytes of a segment <-- socket
//! ```
//!
//! A [`TlsIdentity`] is what a process is known by: its certificate, its key, and whom it trusts. A
//! [`TlsSession`] is one connection's state: it takes what was received, gives out what that contains,
//! and writes what is to be sent.
//!
//! Invariants:
//! - Only TLS 1.3, both sides with a certificate that a trusted authority has signed, or there is no
//!   session. Names of hosts are not compared: a cluster's processes move, and whoever has a
//!   certificate of the cluster's own authority belongs to it (as with Flink's internal connections).
//! - Nothing of a peer is given out before its certificate is verified.
//! - Bytes of a peer never make a session grow beyond one record and one read, and never panic it.
//!
//! Thread: a session belongs to the worker of its connection; an identity goes anywhere.
//!
//! Not from the driver: the randomness of a handshake, which must not be foreseeable, and the date
//! that certificates are held against. So simulations run without TLS.
//!
//! Deliberately absent: resumption and early data (connections live for as long as their job),
//! revocation lists, older versions, and encryption that the kernel or the network card does.

mod error;
mod identity;
mod session;
mod settings;
#[cfg(test)]
mod tests;
mod verifier;

pub use error::TlsError;
pub use identity::{Fingerprint, TlsIdentity, TlsMaterial};
pub use session::{TlsSession, TlsState};
pub use settings::TlsSettings;
