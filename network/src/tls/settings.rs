//! [`TlsSettings`]: what the configuration says of a cluster's own connections.

use std::io;
use std::path::{Path, PathBuf};

use brisk_memory::config::Configuration;
use brisk_memory::config::options::security::{
    SSL_INTERNAL_ENABLED, SSL_INTERNAL_FINGERPRINT, SSL_INTERNAL_KEYSTORE, SSL_INTERNAL_TRUSTSTORE,
};

use super::{Fingerprint, TlsError, TlsIdentity, TlsMaterial};

/// Where an identity is read from (`security.ssl.internal.*`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// Certificates and key.
    pub keystore: PathBuf,
    /// The authorities.
    pub truststore: PathBuf,
    /// The one certificate that peers may have.
    pub fingerprint: Option<Fingerprint>,
}

impl TlsSettings {
    /// None when connections are not to be secured.
    pub fn from_configuration(config: &Configuration) -> Result<Option<TlsSettings>, TlsError> {
        if !config.get(&SSL_INTERNAL_ENABLED)? {
            return Ok(None);
        }
        let missing = |key: &'static str| TlsError::MissingKey { key };
        let keystore = config.get(&SSL_INTERNAL_KEYSTORE)?;
        let truststore = config.get(&SSL_INTERNAL_TRUSTSTORE)?;
        let fingerprint = config.get(&SSL_INTERNAL_FINGERPRINT)?;
        Ok(Some(TlsSettings {
            keystore: keystore.ok_or(missing(SSL_INTERNAL_KEYSTORE.key()))?.into(),
            truststore: truststore.ok_or(missing(SSL_INTERNAL_TRUSTSTORE.key()))?.into(),
            fingerprint: fingerprint.map(|text| text.parse()).transpose()?,
        }))
    }

    /// The identity, whose files `read` reads.
    pub fn identity(
        &self,
        read: impl Fn(&Path) -> io::Result<Vec<u8>>,
    ) -> Result<TlsIdentity, TlsError> {
        let bytes_of = |path: &Path| {
            read(path).map_err(|source| TlsError::File { path: path.to_owned(), source })
        };
        let keystore = bytes_of(&self.keystore)?;
        TlsIdentity::from_pem(&TlsMaterial {
            certificates: &keystore,
            key: &keystore,
            authorities: &bytes_of(&self.truststore)?,
            fingerprint: self.fingerprint,
        })
    }
}
