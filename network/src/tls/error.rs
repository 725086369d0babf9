//! Why there is no secure connection.

use std::io;
use std::path::PathBuf;

use brisk_memory::config::ConfigError;
use thiserror::Error;

/// What is wrong with an identity, a peer, or its bytes.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A value of the configuration.
    #[error(transparent)]
    Configuration(#[from] ConfigError),
    /// A key without which there is no identity.
    #[error("{key} is not set; security.ssl.internal.enabled asks for it")]
    MissingKey {
        /// The key.
        key: &'static str,
    },
    /// A file of an identity can't be read.
    #[error("security.ssl.internal: can't read {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file of an identity doesn't contain what it should.
    #[error("security.ssl.internal: {what} can't be read as PEM: {source}")]
    Pem {
        /// Which of them.
        what: &'static str,
        /// What the reader found.
        source: rustls::pki_types::pem::Error,
    },
    /// A file of an identity contains none of what it should.
    #[error("security.ssl.internal: there is no {what} in what was given")]
    Missing {
        /// What should be there.
        what: &'static str,
    },
    /// Certificate, key and authorities don't make an identity.
    #[error("security.ssl.internal: {what}: {source}")]
    Identity {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: rustls::Error,
    },
    /// The text of a fingerprint.
    #[error(
        "security.ssl.internal.cert.fingerprint: '{given}' is not a SHA-256 fingerprint, which has \
         64 hexadecimal digits, with or without colons"
    )]
    Fingerprint {
        /// The text.
        given: String,
    },
    /// The peer is not trusted, doesn't trust us, or doesn't speak TLS 1.3.
    #[error("no secure connection: {source}")]
    Peer {
        /// What is wrong.
        source: rustls::Error,
    },
    /// A connection ended without the peer saying so: what was received may not be all.
    #[error("the secure connection was cut off: its end was not announced")]
    CutOff,
    /// The peer sent a record, or a message of the handshake, that is longer than any may be.
    #[error("the peer sent {bytes} bytes that make no whole record of TLS")]
    Endless {
        /// How many.
        bytes: usize,
    },
    /// After an error there is nothing more to be had.
    #[error("the secure connection has failed before; close it")]
    FailedBefore,
}
