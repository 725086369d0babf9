//! What two processes say to each other before the first frame.
//!
//! ```text
//!  who connects                                        who accepts
//!     Hello: version, nonce            ---------->     Refused: other version
//!                                      <----------     Challenge: nonce
//!     Proof: what for, HMAC            ---------->     Refused: other secret
//!                                      <----------     Welcome: HMAC, or Refused: what for
//!     Refused: other secret, or frames ---------->     frames
//! ```
//!
//! Owns: the messages and their order ([`Handshake`], a pure step function), and the secret
//! of a cluster ([`ClusterSecret`]). Each side proves that it knows the secret by an
//! HMAC-SHA256 over its role and all that was said so far, both nonces included, so no
//! proof can be used a second time or by the other side. Who connects proves first:
//! a stranger who asks learns nothing that was made with the secret.
//!
//! Invariants: nothing but these messages, of fixed lengths, is read before the proof was
//! found right; secrets are compared in constant time, and never shown.
//!
//! Thread: pure, any. Deliberately absent: time (the caller closes a connection whose
//! handshake takes too long), randomness (the caller brings the nonce), and secrecy: what
//! follows is neither encrypted nor signed; that is TLS's.

mod error;
mod message;
mod secret;
mod steps;

pub use error::HandshakeError;
pub use message::{MESSAGE_BYTES_MAX, Message, Refusal};
pub use secret::{ClusterSecret, NONCE_BYTES, Nonce, SECRET_BYTES_MIN, SecretTooShort};
pub use steps::{Established, Handshake, HandshakeStep, exercise};

#[cfg(test)]
mod tests;
