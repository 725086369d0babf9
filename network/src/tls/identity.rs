//! [`TlsIdentity`]: what a process shows its peers, and whom it trusts.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::version::TLS13;
use rustls::{CipherSuite, ClientConfig, RootCertStore, ServerConfig, SupportedCipherSuite};

use super::TlsError;
use super::verifier::PeerVerifier;

/// What an identity is made from, in PEM.
#[derive(Clone, Copy)]
pub struct TlsMaterial<'a> {
    /// This process's certificate, and those between it and the authority
    /// (`security.ssl.internal.keystore`).
    pub certificates: &'a [u8],
    /// Its key: PKCS #8, SEC 1 or PKCS #1 (in the same file, or one of its own).
    pub key: &'a [u8],
    /// The authorities whose certificates are trusted (`security.ssl.internal.truststore`).
    pub authorities: &'a [u8],
    /// If given, the one certificate that peers may have
    /// (`security.ssl.internal.cert.fingerprint`).
    pub fingerprint: Option<Fingerprint>,
}

/// The SHA-256 hash of a certificate.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fingerprint(pub(super) [u8; 32]);

impl FromStr for Fingerprint {
    type Err = TlsError;

    fn from_str(text: &str) -> Result<Fingerprint, TlsError> {
        let wrong = || TlsError::Fingerprint { given: text.to_owned() };
        let digits: Vec<u8> = text
            .chars()
            .filter(|character| *character != ':')
            .map(|character| character.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect::<Option<_>>()
            .ok_or_else(wrong)?;
        if digits.len() != 64 {
            return Err(wrong());
        }
        let mut hash = [0; 32];
        for (byte, pair) in hash.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = pair[0] << 4 | pair[1];
        }
        Ok(Fingerprint(hash))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What a process shows its peers, and whom it trusts. Clones share it.
#[derive(Clone)]
pub struct TlsIdentity {
    pub(super) server: Arc<ServerConfig>,
    pub(super) client: Arc<ClientConfig>,
}

impl TlsIdentity {
    /// Reads certificates and key, and checks that they belong together.
    pub fn from_pem(material: &TlsMaterial<'_>) -> Result<TlsIdentity, TlsError> {
        let failed = |what| move |source| TlsError::Identity { what, source };
        let certificates = certificates_of("certificate", material.certificates)?;
        let key = PrivateKeyDer::from_pem_slice(material.key)
            .map_err(|source| TlsError::Pem { what: "the key", source })?;
        let mut roots = RootCertStore::empty();
        for authority in certificates_of("certificate of an authority", material.authorities)? {
            roots.add(authority).map_err(failed("a certificate of an authority"))?;
        }
        let provider = Arc::new(provider());
        let verifier = Arc::new(PeerVerifier::new(roots, &provider, material.fingerprint)?);
        let mut server = with_versions(ServerConfig::builder_with_provider(provider.clone()))?
            .with_client_cert_verifier(verifier.clone())
            .with_single_cert(certificates.clone(), key.clone_key())
            .map_err(failed("certificate and key"))?;
        // Nobody comes back to a connection that has ended.
        server.send_tls13_tickets = 0;
        let mut client = with_versions(ClientConfig::builder_with_provider(provider))?
            .dangerous()
            .with_custom_certificate_verifier(verifier)
            .with_client_auth_cert(certificates, key)
            .map_err(failed("certificate and key"))?;
        client.resumption = rustls::client::Resumption::disabled();
        Ok(TlsIdentity { server: Arc::new(server), client: Arc::new(client) })
    }
}

/// The library's own, but the suite with AES-128 before that with AES-256, which takes fourteen rounds
/// for ten and protects from nothing that is within anybody's reach.
fn provider() -> CryptoProvider {
    let mut provider = rustls::crypto::ring::default_provider();
    let preference = |suite: &SupportedCipherSuite| match suite.suite() {
        CipherSuite::TLS13_AES_128_GCM_SHA256 => 0,
        CipherSuite::TLS13_AES_256_GCM_SHA384 => 1,
        _ => 2,
    };
    provider.cipher_suites.sort_by_key(preference);
    provider
}

/// Only the version in which the whole handshake but its first message is encrypted.
fn with_versions<S: rustls::ConfigSide>(
    builder: rustls::ConfigBuilder<S, rustls::WantsVersions>,
) -> Result<rustls::ConfigBuilder<S, rustls::WantsVerifier>, TlsError> {
    builder
        .with_protocol_versions(&[&TLS13])
        .map_err(|source| TlsError::Identity { what: "TLS 1.3", source })
}

fn certificates_of(
    what: &'static str,
    pem: &[u8],
) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|source| TlsError::Pem { what, source })?;
    if found.is_empty() {
        return Err(TlsError::Missing { what });
    }
    Ok(found)
}

/// The hash of a certificate, by the library's own means.
pub(super) fn fingerprint_of(
    certificate: &CertificateDer<'_>,
    provider: &CryptoProvider,
) -> Fingerprint {
    let hash = provider
        .cipher_suites
        .iter()
        .filter_map(|suite| suite.tls13())
        .map(|suite| suite.common.hash_provider.hash(certificate))
        .find(|hash| hash.as_ref().len() == 32)
        .expect("TLS 1.3 has a suite with SHA-256");
    Fingerprint(hash.as_ref().try_into().expect("looked at above"))
}

/// Nothing of the key.
impl fmt::Debug for TlsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TlsIdentity")
    }
}
