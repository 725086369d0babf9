//! A network that stalls, tears, resets and is cut: all records come in order, or both sides hear
//! of an error that names the other; the same seed does the same.

use brisk_memory::driver::{KeepAlive, NetworkFaults, PerMillion, SocketOptions};

use super::*;

const SHARES: ShareOptions = ShareOptions { exclusive: 2, floating: 2 };
const RECORDS: u64 = 2000;

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
struct Outcome {
    records: u64,
    consumer: Vec<String>,
    producer: Vec<String>,
    at: Instant64,
}

fn run(seed: u64, faults: NetworkFaults) -> Outcome {
    let world = SimulatedWorld::from_seed(seed);
    world.set_network_faults(faults);
    let kind = "simulated";
    let secret = "a secret of the cluster";
    let mut pair = Pair::in_world(kind, secret, Some(world.clone()), |_| {});
    let mut writer = Writer::new(&mut pair.producer, 2, RECORDS);
    let mut reader = Reader::new(pair.consumer.gate(pair.at, 2, SHARES), 2);
    let (mut consumer, mut producer) = (Vec::new(), Vec::new());
    pair.until("an end", |pair| {
        writer.write();
        reader.read();
        consumer.extend(pair.consumer.failures());
        producer.extend(pair.producer.failures());
        writer.ended && reader.ended || !consumer.is_empty()
    });
    Outcome { records: reader.records, consumer, producer, at: world.now() }
}

#[test]
fn a_network_that_tears_and_stalls_brings_everything_in_order() {
    let faults = NetworkFaults {
        stall: PerMillion(20_000),
        torn_receive: PerMillion(400_000),
        torn_send: PerMillion(200_000),
        slow_receive: PerMillion(20_000),
        reset: PerMillion(0),
    };
    for seed in 0..10 {
        let outcome = run(seed, faults);
        assert_eq!(outcome.records, RECORDS, "seed {seed}: {outcome:?}");
    }
}

#[test]
fn a_connection_that_is_reset_is_an_error_and_never_wrong_data() {
    let reset = PerMillion(30_000);
    let faults = NetworkFaults { reset, torn_receive: PerMillion(100_000), ..Default::default() };
    let (mut whole, mut broken) = (0, 0);
    for seed in 0..20 {
        let outcome = run(seed, faults);
        assert_eq!(outcome, run(seed, faults), "the same seed does the same");
        if outcome.consumer.is_empty() {
            assert_eq!(outcome.records, RECORDS);
            whole += 1;
        } else {
            assert!(outcome.consumer[0].starts_with("gate 5: "), "{outcome:?}");
            broken += 1;
        }
    }
    assert!(broken > 0, "{whole} runs were whole, {broken} broken");
}

#[test]
fn a_cut_that_lasts_is_noticed_on_both_sides() {
    let world = SimulatedWorld::from_seed(7);
    // Who has nothing to send notices by asking, who has by what is not acknowledged.
    let second = Duration::from_secs(1);
    let noticing = |link: &mut LinkOptions| {
        link.socket = SocketOptions {
            user_timeout: Some(5 * second),
            keep_alive: Some(KeepAlive { idle: 2 * second, interval: second, probes: 3 }),
            ..SocketOptions::default()
        };
    };
    let secret = "a secret of the cluster";
    let mut pair = Pair::in_world("simulated", secret, Some(world.clone()), noticing);
    let mut writer = Writer::new(&mut pair.producer, 1, u64::MAX);
    let mut reader = Reader::new(pair.consumer.gate(pair.at, 1, SHARES), 1);
    pair.until("some records", |_| {
        writer.write();
        reader.read();
        reader.records > 500
    });
    world.cut("producer", "consumer");
    world.cut("consumer", "producer");
    let (mut producer, mut consumer) = (Vec::new(), Vec::new());
    pair.until("failures", |pair| {
        writer.write();
        reader.read();
        producer.extend(pair.producer.failures());
        consumer.extend(pair.consumer.failures());
        !producer.is_empty() && !consumer.is_empty()
    });
    assert!(producer[0].starts_with("job 0000"), "{producer:?}");
    assert!(producer[0].contains("the connection with "), "{producer:?}");
    let expected = format!("gate 5: the connection with {} failed: ", pair.at);
    assert!(consumer[0].starts_with(&expected), "{consumer:?}");
}
