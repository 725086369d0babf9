//! Sessions whose bytes are carried by hand.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::*;

/// An authority, and what it signs.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Authority { issuer: CertifiedIssuer::self_signed(params, key).unwrap() }
    }

    /// Certificate and key of a process.
    fn sign(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["brisk".to_owned()]).unwrap();
        (params.signed_by(&key, &self.issuer).unwrap().pem(), key.serialize_pem())
    }

    fn identity(&self) -> TlsIdentity {
        self.identity_with(&self.sign(), None).unwrap()
    }

    fn identity_with(
        &self,
        (certificate, key): &(String, String),
        fingerprint: Option<Fingerprint>,
    ) -> Result<TlsIdentity, TlsError> {
        TlsIdentity::from_pem(&TlsMaterial {
            certificates: certificate.as_bytes(),
            key: key.as_bytes(),
            authorities: self.issuer.pem().as_bytes(),
            fingerprint,
        })
    }
}

/// Both ends, and what is on its way to each.
struct Line {
    client: TlsSession,
    server: TlsSession,
    to_client: Vec<u8>,
    to_server: Vec<u8>,
    /// What came out at each end.
    at_client: Vec<u8>,
    at_server: Vec<u8>,
}

impl Line {
    fn new(client: &TlsIdentity, server: &TlsIdentity) -> Line {
        let mut to_server = Vec::new();
        let client = TlsSession::client(client, &mut to_server).unwrap();
        let server = TlsSession::server(server).unwrap();
        let (to_client, at_client, at_server) = (Vec::new(), Vec::new(), Vec::new());
        Line { client, server, to_client, to_server, at_client, at_server }
    }

    /// Carries what is under way, at most `step` bytes at a time, until there is no more.
    fn carry(&mut self, step: usize) -> Result<(), TlsError> {
        while !(self.to_client.is_empty() && self.to_server.is_empty()) {
            let now = step.min(self.to_server.len());
            let bytes: Vec<u8> = self.to_server.drain(..now).collect();
            let plain = &mut |bytes: &[u8]| self.at_server.extend_from_slice(bytes);
            self.server.receive(&bytes, plain, &mut self.to_client)?;
            let now = step.min(self.to_client.len());
            let bytes: Vec<u8> = self.to_client.drain(..now).collect();
            let plain = &mut |bytes: &[u8]| self.at_client.extend_from_slice(bytes);
            self.client.receive(&bytes, plain, &mut self.to_server)?;
        }
        Ok(())
    }

    fn established() -> Line {
        let authority = Authority::new();
        let mut line = Line::new(&authority.identity(), &authority.identity());
        line.carry(usize::MAX).unwrap();
        assert_eq!(line.client.state(), TlsState::Established);
        assert_eq!(line.server.state(), TlsState::Established);
        line
    }
}

fn some_bytes(len: usize) -> Vec<u8> {
    (0..len).map(|byte| (byte * 31 % 251) as u8).collect()
}

#[test]
fn bytes_go_both_ways_however_they_are_torn() {
    for step in [1, 7, 1000, usize::MAX] {
        let authority = Authority::new();
        let mut line = Line::new(&authority.identity(), &authority.identity());
        line.carry(step).unwrap();
        let bytes = some_bytes(100_000);
        line.client.send(&bytes, &mut line.to_server).unwrap();
        line.server.send(&bytes[..50_000], &mut line.to_client).unwrap();
        assert!(!line.to_server.windows(100).any(|window| window == &bytes[..100]));
        line.carry(step).unwrap();
        assert!(line.at_server == bytes && line.at_client == bytes[..50_000]);
    }
}

#[test]
fn an_announced_end_is_told_from_a_cut() {
    let mut line = Line::established();
    assert!(matches!(line.server.ended(), Err(TlsError::CutOff)));
    line.client.send(b"last", &mut line.to_server).unwrap();
    line.client.end(&mut line.to_server).unwrap();
    line.carry(3).unwrap();
    assert_eq!(line.at_server, b"last");
    assert_eq!(line.server.state(), TlsState::PeerEnded);
    line.server.ended().unwrap();
    // The other half goes on.
    line.server.send(b"answer", &mut line.to_client).unwrap();
    line.carry(3).unwrap();
    assert_eq!(line.at_client, b"answer");
}

#[test]
fn strangers_are_refused_on_either_side_and_told_why() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    for (client, server) in [(&theirs, &ours), (&ours, &theirs)] {
        let mut line = Line::new(&client.identity(), &server.identity());
        let error = line.carry(usize::MAX).unwrap_err();
        let told = error.to_string();
        assert!(told.contains("no secure connection: invalid peer certificate"), "{told}");
        let (to_client, to_server) = (line.to_client.clone(), line.to_server.clone());
        let (nothing, out) = (&mut |_: &[u8]| (), &mut Vec::new());
        let heard = [
            line.client.receive(&to_client, nothing, out).unwrap_err().to_string(),
            line.server.receive(&to_server, nothing, out).unwrap_err().to_string(),
        ];
        assert!(heard.iter().any(|heard| heard.contains("received fatal alert")), "{heard:?}");
        assert!(heard.iter().any(|heard| heard.contains("has failed before")), "{heard:?}");
        assert!(line.at_server.is_empty() && line.at_client.is_empty());
    }
}

#[test]
fn a_fingerprint_admits_one_certificate() {
    let authority = Authority::new();
    let pinned = authority.sign();
    let der = rustls::pki_types::pem::PemObject::from_pem_slice(pinned.0.as_bytes()).unwrap();
    let provider = rustls::crypto::ring::default_provider();
    let known = identity::fingerprint_of(&der, &provider);
    let colons: Vec<String> = known.0.iter().map(|byte| format!("{byte:02X}")).collect();
    assert_eq!(colons.join(":").parse::<Fingerprint>().unwrap(), known);
    let strict = authority.identity_with(&pinned, Some(known)).unwrap();
    let mut line = Line::new(&strict, &strict);
    line.carry(usize::MAX).unwrap();
    assert_eq!(line.server.state(), TlsState::Established);
    for (client, server) in [(&strict, &authority.identity()), (&authority.identity(), &strict)] {
        assert!(Line::new(client, server).carry(usize::MAX).is_err());
    }
    for wrong in ["", "abc", &"g".repeat(64), &"a".repeat(40)] {
        let error = wrong.parse::<Fingerprint>().unwrap_err().to_string();
        assert!(error.contains("is not a SHA-256 fingerprint"), "{error}");
    }
}

#[test]
fn a_changed_byte_is_found() {
    let mut line = Line::established();
    line.client.send(&some_bytes(1000), &mut line.to_server).unwrap();
    line.to_server[500] ^= 1;
    let error = line.carry(usize::MAX).unwrap_err().to_string();
    assert!(error.contains("cannot decrypt"), "{error}");
    assert!(line.at_server.is_empty());
}

#[test]
fn garbage_ends_a_session_and_grows_nothing() {
    let authority = Authority::new();
    for garbage in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0; 100_000], vec![0xff; 300_000]] {
        let mut server = TlsSession::server(&authority.identity()).unwrap();
        let mut out = Vec::new();
        let nothing = &mut |bytes: &[u8]| panic!("{} bytes of nobody", bytes.len());
        assert!(server.receive(&garbage, nothing, &mut out).is_err());
    }
    // A message of the handshake that never ends.
    let mut server = TlsSession::server(&authority.identity()).unwrap();
    let mut record = vec![22, 3, 1, 0x40, 0];
    record.extend_from_slice(&[1, 0xff, 0xff, 0xff]);
    record.resize(5 + 0x4000, 0);
    let refused = (0..100).any(|_| server.receive(&record, &mut |_| (), &mut Vec::new()).is_err());
    assert!(refused);
}

#[test]
fn what_is_no_identity_is_named() {
    let authority = Authority::new();
    let (certificate, key) = authority.sign();
    let (_, other_key) = authority.sign();
    let cases = [
        ("", key.as_str(), "there is no certificate in what was given"),
        (certificate.as_str(), "", "the key can't be read as PEM"),
        (certificate.as_str(), other_key.as_str(), "certificate and key"),
    ];
    for (certificate, key, says) in cases {
        let pair = (certificate.to_owned(), key.to_owned());
        let error = authority.identity_with(&pair, None).unwrap_err().to_string();
        assert!(error.contains(says) && error.contains("security.ssl.internal"), "{error}");
    }
}

#[test]
fn the_configuration_names_files_and_a_fingerprint() {
    let mut config = brisk_memory::config::Configuration::new();
    assert_eq!(TlsSettings::from_configuration(&config).unwrap(), None);
    config.set("security.ssl.internal.enabled", "true");
    let error = TlsSettings::from_configuration(&config).unwrap_err().to_string();
    assert!(error.contains("security.ssl.internal.keystore is not set"), "{error}");
    config.set("security.ssl.internal.keystore", "/keys.pem");
    config.set("security.ssl.internal.truststore", "/authorities.pem");
    config.set("security.ssl.internal.cert.fingerprint", "no");
    assert!(TlsSettings::from_configuration(&config).is_err());
    config.set("security.ssl.internal.cert.fingerprint", "ab".repeat(32));
    let mut settings = TlsSettings::from_configuration(&config).unwrap().unwrap();
    settings.fingerprint = None;
    let authority = Authority::new();
    let (certificate, key) = authority.sign();
    let read = |path: &std::path::Path| match path.to_str().unwrap() {
        "/keys.pem" => Ok(format!("{certificate}{key}").into_bytes()),
        "/authorities.pem" => Ok(authority.issuer.pem().into_bytes()),
        other => panic!("{other} is no file of this identity"),
    };
    let identity = settings.identity(read).unwrap();
    Line::new(&identity, &authority.identity()).carry(usize::MAX).unwrap();
    let gone = |_: &std::path::Path| Err(std::io::ErrorKind::NotFound.into());
    let error = settings.identity(gone).unwrap_err().to_string();
    assert!(error.contains("security.ssl.internal: can't read /keys.pem"), "{error}");
}
