//! What goes wrong is told to whom it concerns, with the peer's address.

use brisk_memory::driver::{CloseKind, ConnectOptions, Gather, Operation, SocketOptions};

use super::*;

/// The first failure of the consumer.
fn consumer_failure(pair: &mut Pair) -> String {
    let mut found = Vec::new();
    pair.until("a failure", |pair| {
        found.extend(pair.consumer.failures());
        !found.is_empty()
    });
    found.swap_remove(0)
}

fn producer_failure(pair: &mut Pair) -> String {
    let mut found = Vec::new();
    pair.until("a failure", |pair| {
        found.extend(pair.producer.failures());
        !found.is_empty()
    });
    found.swap_remove(0)
}

const SHARES: ShareOptions = ShareOptions { exclusive: 1, floating: 1 };

#[test]
fn a_wrong_secret_is_told_on_both_sides() {
    for kind in ["uring", "epoll", "simulated"] {
        let mut pair = Pair::of(kind, "another cluster's secret", |_| {});
        let _partition = pair.producer.partition(1);
        let _gate = pair.consumer.gate(pair.at, 1, SHARES);
        let failure = consumer_failure(&mut pair);
        let refusal = Refusal::Secret;
        let expected = HandshakeError::Refused { refusal };
        assert_eq!(failure, format!("gate 5: the handshake with {} failed: {expected}", pair.at));
        let failure = producer_failure(&mut pair);
        assert!(failure.starts_with("nobody: the handshake with "), "{failure}");
        assert!(failure.ends_with(&HandshakeError::Secret.to_string()), "{failure}");
        pair.until("the end of connections", |pair| {
            pair.consumer.transport.connections() + pair.producer.transport.connections() == 0
        });
    }
}

#[test]
fn a_producer_that_fails_ends_its_consumer() {
    check(|mut pair| {
        let _partition = pair.producer.partition(1);
        let _gate = pair.consumer.gate(pair.at, 1, SHARES);
        for _ in 0..100 {
            pair.step();
        }
        let error = PeerError::new(ErrorCode::TaskFailed, "division by zero");
        pair.producer.transport.remove_subpartition(address(0), Some(error));
        let failure = consumer_failure(&mut pair);
        assert!(failure.contains("gave up: its task failed: division by zero"), "{failure}");
        assert!(failure.contains(&pair.at.to_string()), "{failure}");
    });
}

#[test]
fn a_partition_that_comes_late_is_waited_for_but_not_for_ever() {
    // Simulated time would not wait for a writer.
    for kind in ["uring", "epoll"] {
        let mut pair = Pair::of(kind, "a secret of the cluster", |_| {});
        let gate = pair.consumer.gate(pair.at, 1, SHARES);
        for _ in 0..100 {
            pair.step();
        }
        let mut writer = Writer::new(&mut pair.producer, 1, 100);
        let mut reader = Reader::new(gate, 1);
        pair.until("all records", |_| {
            writer.write();
            reader.read();
            reader.ended
        });
    }
    let brief = |link: &mut LinkOptions| link.request_timeout = Duration::from_millis(10);
    let mut pair = Pair::of("simulated", "a secret of the cluster", brief);
    let _gate = pair.consumer.gate(pair.at, 1, SHARES);
    let failure = consumer_failure(&mut pair);
    assert!(failure.contains("has not appeared in time"), "{failure}");
}

#[test]
fn a_peer_that_is_gone_ends_the_tasks_on_the_other_side() {
    check(|mut pair| {
        let mut writer = Writer::new(&mut pair.producer, 1, u64::MAX);
        let gate = pair.consumer.gate(pair.at, 1, SHARES);
        let mut reader = Reader::new(gate, 1);
        pair.until("some records", |_| {
            writer.write();
            reader.read();
            reader.records > 100
        });
        pair.consumer.transport.abandon(&mut pair.consumer.driver);
        let failure = producer_failure(&mut pair);
        assert!(failure.starts_with("job 00000000000000000000000000000abc"), "{failure}");
        let is_over = |writer: &mut Writer| {
            writer.write();
            writer.partition.pool_usage().0 <= 1
        };
        pair.until("segments that come home", |_| is_over(&mut writer));
    });
}

#[test]
fn a_stranger_is_turned_away_and_harms_nobody() {
    check(|mut pair| {
        let options = ConnectOptions {
            to: pair.at,
            timeout: Duration::from_secs(10),
            socket: SocketOptions::default(),
        };
        pair.consumer.driver.submit(Operation::Connect { options });
        let mut socket = None;
        pair.until("a connection", |pair| {
            socket = pair.consumer.others.pop().and_then(|done| done.socket);
            socket.is_some()
        });
        let socket = socket.expect("it was waited for");
        let mut gather = Gather::new();
        gather.push_bytes(b"GET / HTTP/1.1\r\nHost: brisk\r\n\r\n");
        pair.consumer.driver.submit(Operation::Send { socket: socket.clone(), gather });
        let mut found = Vec::new();
        pair.until("a refusal", |pair| {
            found.extend(pair.producer.failures());
            !found.is_empty()
        });
        assert!(found[0].contains("doesn't speak Brisk's protocol"), "{found:?}");
        let how = CloseKind::Reset;
        pair.consumer.driver.submit(Operation::Close { socket, how });
        pair.until("the end of it", |pair| pair.producer.transport.connections() == 0);
    });
}

#[test]
fn a_silent_stranger_is_given_up() {
    let brief = |link: &mut LinkOptions| link.handshake_timeout = Duration::from_secs(2);
    let mut pair = Pair::of("simulated", "a secret of the cluster", brief);
    let options = ConnectOptions {
        to: pair.at,
        timeout: Duration::from_secs(10),
        socket: SocketOptions::default(),
    };
    pair.consumer.driver.submit(Operation::Connect { options });
    let mut found = Vec::new();
    pair.until("the time-out", |pair| {
        found.extend(pair.producer.failures());
        !found.is_empty()
    });
    assert!(found[0].contains("did not complete the handshake within 2 s"), "{found:?}");
    assert!(pair.consumer.others[0].socket.is_some(), "it was connected");
}

#[test]
fn connecting_is_attempted_again_after_longer_and_longer_waits() {
    let patient = |link: &mut LinkOptions| {
        link.connect_retries = 3;
        link.backoff = Backoff { initial: Duration::from_secs(1), max: Duration::from_secs(3) };
    };
    let mut pair = Pair::of("simulated", "a secret of the cluster", patient);
    let nobody = SocketAddr::new(pair.at.ip(), pair.at.port() + 1);
    let began = pair.consumer.driver.now();
    let _gate = pair.consumer.gate(nobody, 1, SHARES);
    let failure = consumer_failure(&mut pair);
    assert!(failure.contains(&nobody.to_string()), "{failure}");
    let waited = pair.consumer.driver.now().saturating_since(began);
    assert!(waited >= Duration::from_secs(1 + 2 + 3), "{waited:?}");
}

#[test]
fn waits_double_up_to_the_longest() {
    let backoff = Backoff { initial: Duration::from_millis(100), max: Duration::from_secs(10) };
    let waits = [(1, 100), (2, 200), (5, 1600), (8, 10_000), (40, 10_000), (u32::MAX, 10_000)];
    for (failed, expected) in waits {
        assert_eq!(backoff.wait(failed), Duration::from_millis(expected), "{failed}");
    }
}
