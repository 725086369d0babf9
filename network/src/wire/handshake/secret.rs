//! The secret of a cluster, and proofs that somebody knows it.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of a nonce.
pub const NONCE_BYTES: usize = 32;
/// Bytes of a proof.
pub(super) const PROOF_BYTES: usize = 32;
/// Shorter secrets can be guessed by whoever has seen one handshake.
pub const SECRET_BYTES_MIN: usize = 16;

/// Random bytes that no other handshake has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce(pub [u8; NONCE_BYTES]);

/// A secret of too few bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the cluster's secret has {bytes} bytes; give all processes of the cluster the same one of \
     at least {SECRET_BYTES_MIN}"
)]
pub struct SecretTooShort {
    bytes: usize,
}

/// What all processes of a cluster know and nobody else does.
#[derive(Clone)]
pub struct ClusterSecret {
    keyed: Hmac<Sha256>,
}

/// Who makes a proof. It is part of what is proven, so that a proof can't be sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Initiator,
    Acceptor,
}

impl Role {
    fn label(self) -> &'static [u8; 26] {
        match self {
            Self::Initiator => b"brisk handshake: initiator",
            Self::Acceptor => b"brisk handshake: acceptor\0",
        }
    }
}

impl ClusterSecret {
    /// The secret `bytes`.
    ///
    /// # Errors
    /// When they are too few.
    pub fn new(bytes: &[u8]) -> Result<Self, SecretTooShort> {
        if bytes.len() < SECRET_BYTES_MIN {
            return Err(SecretTooShort { bytes: bytes.len() });
        }
        let keyed = Hmac::new_from_slice(bytes).expect("HMAC takes keys of any length");
        Ok(Self { keyed })
    }

    /// A proof by `role` over `said`.
    pub(super) fn prove(&self, role: Role, said: &[&[u8]]) -> [u8; PROOF_BYTES] {
        self.over(role, said).finalize().into_bytes().into()
    }

    /// Whether `proof` is the one of `role` over `said`, in constant time.
    pub(super) fn is_proof(&self, proof: &[u8], role: Role, said: &[&[u8]]) -> bool {
        self.over(role, said).verify_slice(proof).is_ok()
    }

    /// The parts of `said` have fixed lengths, so none can be taken for another.
    fn over(&self, role: Role, said: &[&[u8]]) -> Hmac<Sha256> {
        let mut keyed = self.keyed.clone();
        keyed.update(role.label());
        for part in said {
            keyed.update(part);
        }
        keyed
    }
}

impl fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClusterSecret(not shown)")
    }
}
