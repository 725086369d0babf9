//! TLS over the driver's sockets: how a transport joins the two.
#![expect(clippy::unwrap_used, reason = "a test")]

use std::net::Ipv4Addr;
use std::time::Duration;

use brisk_memory::driver::{
    AlignedBytes, Completion, ConnectOptions, Driver, DriverKind, DriverOptions, Gather, IoBuffer,
    Operation, OperationId, SimulatedWorld, Socket, SocketOptions,
};
use brisk_network::tls::{TlsIdentity, TlsMaterial, TlsSession, TlsState};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

const TOTAL: usize = 3_000_000;

/// One end: a socket, its session, and what is to be sent.
struct End {
    socket: Socket,
    session: TlsSession,
    sending: Option<OperationId>,
    receiving: Option<OperationId>,
    outgoing: Vec<u8>,
    sent: usize,
    received: usize,
}

fn byte_at(number: usize) -> u8 {
    (number ^ (number >> 9)) as u8
}

fn identity() -> TlsIdentity {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["brisk".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &authority).unwrap();
    TlsIdentity::from_pem(&TlsMaterial {
        certificates: certificate.pem().as_bytes(),
        key: key.serialize_pem().as_bytes(),
        authorities: authority.pem().as_bytes(),
        fingerprint: None,
    })
    .unwrap()
}

impl End {
    fn new(socket: Socket, session: TlsSession, outgoing: Vec<u8>) -> End {
        let (sending, receiving) = (None, None);
        End { socket, session, sending, receiving, outgoing, sent: 0, received: 0 }
    }

    fn submit(&mut self, driver: &mut Driver) {
        if self.session.state() == TlsState::Established && self.sent < TOTAL {
            let now = (TOTAL - self.sent).min(20_000);
            let bytes: Vec<u8> = (self.sent..self.sent + now).map(byte_at).collect();
            if self.outgoing.len() < 100_000 {
                self.session.send(&bytes, &mut self.outgoing).unwrap();
                self.sent += now;
                if self.sent == TOTAL {
                    self.session.end(&mut self.outgoing).unwrap();
                }
            }
        }
        if self.sending.is_none() && !self.outgoing.is_empty() {
            let mut gather = Gather::new();
            gather.write_bytes(|plain| plain.append(&mut self.outgoing));
            let socket = self.socket.clone();
            self.sending = Some(driver.submit(Operation::Send { socket, gather }));
        }
        if self.receiving.is_none() && self.session.state() != TlsState::PeerEnded {
            let (socket, range) = (self.socket.clone(), 0..5000);
            let buffer = IoBuffer::Heap(AlignedBytes::zeroed(5000));
            self.receiving = Some(driver.submit(Operation::Receive { socket, buffer, range }));
        }
    }

    fn take_in(&mut self, done: &Completion) {
        if self.sending == Some(done.id) {
            done.result.as_ref().unwrap();
            self.sending = None;
        }
        if self.receiving == Some(done.id) {
            self.receiving = None;
            let count = *done.result.as_ref().unwrap();
            assert!(count > 0, "the end is announced before it comes");
            let bytes = &done.buffer.as_ref().unwrap().as_slice()[..count];
            let plain = &mut |plain: &[u8]| {
                for byte in plain {
                    assert_eq!(*byte, byte_at(self.received));
                    self.received += 1;
                }
            };
            self.session.receive(bytes, plain, &mut self.outgoing).unwrap();
        }
    }

    fn is_over(&self) -> bool {
        let all_sent = self.sent == TOTAL && self.outgoing.is_empty() && self.sending.is_none();
        all_sent && self.session.state() == TlsState::PeerEnded
    }
}

fn wait(driver: &mut Driver, ids: [OperationId; 2]) -> [Socket; 2] {
    let mut done: Vec<Completion> = Vec::new();
    while done.len() < 2 {
        driver.park(None, &mut done);
    }
    ids.map(|id| {
        let place = done.iter().position(|done| done.id == id).unwrap();
        done.swap_remove(place).socket.unwrap()
    })
}

fn check(kind: DriverKind) {
    let mut driver = Driver::new(DriverOptions { kind, ..DriverOptions::default() }).unwrap();
    let at = (Ipv4Addr::LOCALHOST, 0).into();
    let socket = SocketOptions::default();
    let listener = driver.sockets().listen(at, &socket).unwrap();
    let to = listener.local_address();
    let timeout = Duration::from_secs(60);
    let options = ConnectOptions { to, timeout, socket };
    let accept = driver.submit(Operation::Accept { listener });
    let connect = driver.submit(Operation::Connect { options });
    let [near, far] = wait(&mut driver, [connect, accept]);
    let identity = identity();
    let mut hello = Vec::new();
    let client = TlsSession::client(&identity, &mut hello).unwrap();
    let server = TlsSession::server(&identity).unwrap();
    let mut ends = [End::new(near, client, hello), End::new(far, server, Vec::new())];
    let mut done = Vec::new();
    while !ends.iter().all(End::is_over) {
        for end in &mut ends {
            end.submit(&mut driver);
        }
        driver.park(None, &mut done);
        for completion in done.drain(..) {
            ends.iter_mut().for_each(|end| end.take_in(&completion));
        }
    }
    for end in &ends {
        assert_eq!(end.received, TOTAL);
        end.session.ended().unwrap();
    }
}

#[test]
fn secured_bytes_go_both_ways_on_every_driver() {
    check(DriverKind::Uring);
    check(DriverKind::Epoll);
    check(DriverKind::Simulated(SimulatedWorld::from_seed(3)));
}
