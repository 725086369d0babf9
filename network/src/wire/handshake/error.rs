//! Why two processes don't come together.

use super::Refusal;
use crate::wire::{PartitionAddress, constants::VERSION};

/// Why a handshake failed. The caller knows the peer's address and names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// Something else speaks there, or to us.
    #[error(
        "it doesn't speak Brisk's protocol (its first bytes are {found:02x?}): is this the data port of a TaskManager?"
    )]
    Magic {
        /// What came.
        found: [u8; 4],
    },
    /// It is of another version.
    #[error(
        "it speaks version {found} of the protocol, this is version {VERSION}: run one release of Brisk in the whole cluster"
    )]
    Version {
        /// Its version.
        found: u16,
    },
    /// A message that can't come here.
    #[error("it said message {found} where {expected} belongs")]
    Order {
        /// What came.
        found: u8,
        /// What should have come.
        expected: &'static str,
    },
    /// A message that was damaged or has something where nothing belongs.
    #[error("its message {message} was damaged on the way")]
    Damaged {
        /// Which one.
        message: &'static str,
    },
    /// It doesn't know the secret.
    #[error(
        "it doesn't know the cluster's secret: it belongs to another cluster, or its configuration has another secret"
    )]
    Secret,
    /// It says that we don't.
    #[error("it refused us: {refusal}")]
    Refused {
        /// Why.
        refusal: Refusal,
    },
    /// It knows the secret, and wants what is not here.
    #[error("it wants {subject}, which was refused: {refusal}")]
    Subject {
        /// What it wants.
        subject: PartitionAddress,
        /// Why not.
        refusal: Refusal,
    },
    /// It went on after it was refused.
    #[error("it went on speaking after it was refused")]
    Over,
}
