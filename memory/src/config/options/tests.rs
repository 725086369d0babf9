use std::collections::BTreeSet;
use std::time::Duration;

use super::*;
use crate::config::{ConfigOption, ConfigValue, Configuration, MemorySize};

fn check<T: ConfigValue + PartialEq + std::fmt::Debug>(
    option: &ConfigOption<T>,
    text: &str,
    expected: Result<T, &str>,
) {
    let mut config = Configuration::new();
    config.set(option.key(), text);
    match (config.get(option), expected) {
        (Ok(value), Ok(expected)) => assert_eq!(value, expected),
        (Err(error), Err(part)) => assert!(error.to_string().contains(part), "{error}"),
        (found, expected) => panic!("{} {text}: {found:?}, {expected:?}", option.key()),
    }
}

#[test]
fn every_default_is_accepted() {
    for option in all() {
        assert_eq!(option.default_refused, None, "{}", option.key);
        assert!(option.description.ends_with('.'), "{}", option.key);
    }
}

#[test]
fn no_key_is_claimed_twice() {
    let mut seen = BTreeSet::new();
    for option in all() {
        for key in std::iter::once(&option.key).chain(option.deprecated) {
            assert!(seen.insert(*key), "{key} is claimed twice");
        }
    }
}

#[test]
fn rules_narrow_the_type() {
    check(&core::TASK_SLOTS, "4", Ok(4));
    check(&core::TASK_SLOTS, "0", Err("accepted: a whole number of at least 1"));
    check(&memory::SEGMENT_SIZE, "64kb", Ok(MemorySize::from_kib(64)));
    for refused in ["33kb", "2kb", "2mb", "0"] {
        check(&memory::SEGMENT_SIZE, refused, Err("a power of two from 4 kb to 1 mb"));
    }
    check(&network::REQUIRED_PER_GATE_MAX, "0", Err("at least 1"));
    check(&network::DEBLOAT_PERIOD, "0 s", Err("above zero"));
    check(&execution::BUFFER_TIMEOUT_INTERVAL, "0", Ok(Duration::ZERO));
    check(&pipeline::MAX_PARALLELISM, "-1", Ok(pipeline::MaxParallelism::Derived));
    check(&pipeline::MAX_PARALLELISM, "32768", Ok(pipeline::MaxParallelism::Fixed(32768)));
    check(&pipeline::MAX_PARALLELISM, "32769", Err("from 1 to 32768"));
    check(&execution::RUNTIME_MODE, "batch", Ok(execution::RuntimeMode::Batch));
    check(&checkpointing::MODE, "at-least-once", Ok(checkpointing::CheckpointingMode::AtLeastOnce));
    check(&checkpointing::INLINE_THRESHOLD, "2 mb", Err("at most 1 mb"));
    check(&checkpointing::NUM_RETAINED, "0", Err("at least 1"));
    check(&state::BACKEND, "RocksDB", Ok(state::StateBackendType::RocksDb));
    check(&state::BACKEND, "forst", Err("one of hashmap, rocksdb"));
    for none in ["none", "off", "disable"] {
        check(&restart::TYPE, none, Ok(Some(restart::RestartStrategyType::None)));
    }
    check(&restart::TYPE, "fixeddelay", Ok(Some(restart::RestartStrategyType::FixedDelay)));
    check(&restart::BACKOFF_MULTIPLIER, "1.0", Err("above 1"));
    check(&restart::JITTER_FACTOR, "1.1", Err("from 0 to 1"));
    check(&worker::IO_DRIVER, "EPOLL", Ok(worker::IoDriver::Epoll));
    check(&worker::IO_DRIVER, "kqueue", Err("one of auto, uring, epoll"));
}
