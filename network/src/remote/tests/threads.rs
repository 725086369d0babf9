//! Both sides on threads of their own, over the loopback interface.

use std::{sync::mpsc, thread};

use super::*;

/// Turns of one side until `over`; between them it rests until something happens.
fn run(side: &mut Side, mut over: impl FnMut(&mut Side) -> bool) {
    let start = Instant::now();
    while !over(side) {
        assert!(start.elapsed() < PATIENCE, "waited too long");
        side.turn();
        let soon = side.driver.now() + Duration::from_millis(5);
        side.driver.park(Some(soon), &mut side.done);
    }
}

fn produce(kind: &str, channels: u32, records: u64, port: mpsc::Sender<SocketAddr>) {
    let kind = kind.parse().expect("a kind");
    let mut side = Side::new(kind, "a secret of the cluster", |_| {});
    let at = (Ipv4Addr::LOCALHOST, 0).into();
    let mut writer = Writer::new(&mut side, channels, records);
    port.send(side.transport.listen(&side.driver, at).expect("a port")).expect("it is awaited");
    run(&mut side, |_| {
        writer.write();
        writer.ended
    });
    let mut was_connected = false;
    run(&mut side, |side| {
        was_connected |= side.transport.connections() > 0;
        was_connected && side.transport.connections() == 0
    });
    assert_eq!(side.failures(), Vec::<String>::new());
    assert_eq!(writer.partition.pool_usage().0, 0, "all segments are at home");
}

fn consume(kind: &str, channels: u32, at: SocketAddr) -> u64 {
    let kind = kind.parse().expect("a kind");
    let mut side = Side::new(kind, "a secret of the cluster", |_| {});
    let shares = ShareOptions { exclusive: 2, floating: 8 };
    let mut reader = Reader::new(side.gate(at, channels, shares), channels);
    run(&mut side, |_| {
        reader.read();
        reader.ended
    });
    side.transport.close();
    run(&mut side, |side| side.transport.connections() == 0);
    assert_eq!(side.failures(), Vec::<String>::new());
    reader.records
}

#[test]
fn a_partition_and_a_gate_in_two_threads_exchange_over_loopback() {
    const RECORDS: u64 = 200_000;
    for kind in ["uring", "epoll"] {
        let (port, opened) = mpsc::channel();
        let producer = thread::Builder::new().name("producer".to_string());
        let producer = producer.spawn(move || produce(kind, 4, RECORDS, port));
        let producer = producer.expect("a thread");
        let at = opened.recv().expect("the producer listens");
        assert_eq!(consume(kind, 4, at), RECORDS, "{kind}");
        producer.join().expect("the producer ended well");
    }
}
