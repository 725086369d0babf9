//! Prints what TLS costs: `cargo run --release -p brisk-network --example tls_costs`.
//!
//! One thread encrypts segments with their headers and decrypts them again, beside a copy of the same
//! bytes as a floor; then whole handshakes.

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use brisk_network::tls::{TlsIdentity, TlsMaterial, TlsSession, TlsState};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

const ROUNDS: usize = 5;
const BATCH: usize = 64;
const HEADER: usize = 40;
const HANDSHAKES: usize = 200;

fn main() -> Result<(), Box<dyn Error>> {
    let identity = identity()?;
    let segments: usize = match std::env::args().nth(1) {
        Some(given) => given.parse()?,
        None => 16_384,
    };
    for _ in 0..ROUNDS {
        for size in [4096, 32 * 1024] {
            let (mut client, mut server) = established(&identity)?;
            let frame = vec![7u8; HEADER + size];
            let (mut wire, mut plain, mut answer) = (Vec::new(), 0, Vec::new());
            let mut spent = [0.0; 3];
            for _ in 0..segments / BATCH {
                wire.clear();
                let start = Instant::now();
                for _ in 0..BATCH {
                    client.send(&frame, &mut wire)?;
                }
                spent[0] += start.elapsed().as_nanos() as f64;
                let start = Instant::now();
                for part in wire.chunks(size) {
                    server.receive(part, &mut |bytes| plain += bytes.len(), &mut answer)?;
                }
                spent[1] += start.elapsed().as_nanos() as f64;
                wire.clear();
                let start = Instant::now();
                for _ in 0..BATCH {
                    wire.extend_from_slice(black_box(&frame));
                }
                spent[2] += start.elapsed().as_nanos() as f64;
            }
            assert_eq!(plain, frame.len() * (segments / BATCH * BATCH));
            let [encrypt, decrypt, copy] = spent.map(|ns| ns / plain as f64);
            println!(
                "segments of {size}: encrypt {encrypt:.3} ns a byte, decrypt {decrypt:.3}, a copy \
                 {copy:.3}"
            );
        }
        let start = Instant::now();
        for _ in 0..HANDSHAKES {
            black_box(established(&identity)?);
        }
        let each = start.elapsed().as_micros() as f64 / HANDSHAKES as f64;
        println!("a handshake, both sides: {each:.0} us");
    }
    Ok(())
}

fn identity() -> Result<TlsIdentity, Box<dyn Error>> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    let key = KeyPair::generate()?;
    let certificate =
        CertificateParams::new(vec!["brisk".to_owned()])?.signed_by(&key, &authority)?;
    Ok(TlsIdentity::from_pem(&TlsMaterial {
        certificates: certificate.pem().as_bytes(),
        key: key.serialize_pem().as_bytes(),
        authorities: authority.pem().as_bytes(),
        fingerprint: None,
    })?)
}

fn established(identity: &TlsIdentity) -> Result<(TlsSession, TlsSession), Box<dyn Error>> {
    let (mut to_server, mut to_client) = (Vec::new(), Vec::new());
    let mut client = TlsSession::client(identity, &mut to_server)?;
    let mut server = TlsSession::server(identity)?;
    while server.state() == TlsState::Handshaking {
        server.receive(&std::mem::take(&mut to_server), &mut |_| (), &mut to_client)?;
        client.receive(&std::mem::take(&mut to_client), &mut |_| (), &mut to_server)?;
    }
    Ok((client, server))
}
