use super::*;
use crate::checkpoint::Millis;

fn read(settings: &[(&str, &str)], checkpointing: bool) -> RestartSettings {
    let mut config = Configuration::new();
    for (key, value) in settings {
        config.set(*key, *value);
    }
    RestartSettings::read(&config, checkpointing).unwrap()
}

const fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// Failures at these times, in milliseconds; none stands for giving up.
fn check(settings: RestartSettings, failures: &[(u64, Option<u64>)]) {
    let mut strategy = RestartStrategy::new(settings, 1);
    for &(at, expected) in failures {
        let delay = match strategy.failed(Millis(at)) {
            FailureVerdict::RestartAfter(delay) | FailureVerdict::RestartPending(delay) => {
                Some(delay.as_millis() as u64)
            }
            FailureVerdict::GiveUp { reason } => {
                assert!(!reason.is_empty());
                None
            }
        };
        assert_eq!(delay, expected, "at {at}");
    }
}

#[test]
fn the_strategy_follows_from_keys_and_checkpoints() {
    assert_eq!(read(&[], false), RestartSettings::None);
    let defaults = RestartSettings::ExponentialDelay {
        initial: ms(1000),
        max: ms(60_000),
        multiplier: 1.5,
        reset_after: ms(3_600_000),
        jitter: 0.1,
        attempts: 2_147_483_647,
    };
    assert_eq!(read(&[], true), defaults);
    assert_eq!(read(&[("restart-strategy", "exponential-delay")], false), defaults);
    for none in ["none", "off", "disable"] {
        assert_eq!(read(&[("restart-strategy.type", none)], true), RestartSettings::None);
    }
    let fixed = [
        ("restart-strategy", "fixed-delay"),
        ("restart-strategy.fixed-delay.attempts", "3"),
        ("restart-strategy.fixed-delay.delay", "10 s"),
    ];
    let expected = RestartSettings::FixedDelay { attempts: 3, delay: ms(10_000) };
    assert_eq!(read(&fixed, false), expected);
    let legacy = [("execution-retries.default", "3"), ("execution-retries.delay", "10 s")];
    assert_eq!(read(&legacy, true), expected);
    assert_eq!(
        read(&[("restart-strategy", "failurerate")], true),
        RestartSettings::FailureRate { max_failures: 1, interval: ms(60_000), delay: ms(1000) }
    );
}

#[test]
fn delays_that_do_not_go_together_are_refused() {
    let mut config = Configuration::new();
    config.set("restart-strategy.exponential-delay.initial-backoff", "2 min");
    let refused = RestartSettings::read(&config, true).unwrap_err();
    assert!(refused.to_string().contains("is above .max-backoff"), "{refused}");
    assert!(RestartSettings::read(&config, false).is_ok(), "not asked for");
}

#[test]
fn none_and_fixed_delay() {
    check(RestartSettings::None, &[(5, None)]);
    let fixed = RestartSettings::FixedDelay { attempts: 2, delay: ms(100) };
    check(fixed, &[(0, Some(100)), (1_000_000, Some(100)), (2_000_000, None)]);
    check(RestartSettings::FixedDelay { attempts: 0, delay: ms(1) }, &[(0, None)]);
}

#[test]
fn failure_rate_counts_in_a_sliding_interval() {
    let rate = RestartSettings::FailureRate { max_failures: 2, interval: ms(1000), delay: ms(10) };
    check(rate, &[(0, Some(10)), (500, Some(10)), (1001, Some(10)), (1400, None)]);
    check(rate, &[(0, Some(10)), (500, Some(10)), (1000, None)]);
}

fn exponential(jitter: f64, attempts: u32) -> RestartSettings {
    RestartSettings::ExponentialDelay {
        initial: ms(100),
        max: ms(500),
        multiplier: 2.0,
        reset_after: ms(10_000),
        jitter,
        attempts,
    }
}

#[test]
fn exponential_delay_grows_and_begins_anew_after_a_quiet_time() {
    check(
        exponential(0.0, 99),
        &[
            (0, Some(100)),
            // Before the restart: the same failure.
            (60, Some(40)),
            (100, Some(0)),
            (101, Some(200)),
            (400, Some(400)),
            (1000, Some(500)),
            (1600, Some(500)),
            (12_099, Some(500)),
            (22_599, Some(100)),
        ],
    );
    check(exponential(0.0, 2), &[(0, Some(100)), (200, Some(200)), (500, None)]);
    check(exponential(0.0, 1), &[(0, Some(100)), (10_100, Some(100)), (10_201, None)]);
}

#[test]
fn jitter_stays_within_its_share_and_the_limit() {
    let mut least = u64::MAX;
    let mut most = 0;
    for seed in 0..1000 {
        let mut strategy = RestartStrategy::new(exponential(0.25, 99), seed);
        let FailureVerdict::RestartAfter(delay) = strategy.failed(Millis(0)) else { panic!() };
        let delay = delay.as_millis() as u64;
        (least, most) = (least.min(delay), most.max(delay));
        for at in 1..9 {
            let FailureVerdict::RestartAfter(delay) = strategy.failed(Millis(at * 1000)) else {
                panic!()
            };
            assert!(delay <= ms(500), "{delay:?}");
        }
    }
    assert_eq!((least, most), (75, 125), "100 give or take a quarter");
    let again = |seed| RestartStrategy::new(exponential(1.0, 9), seed).failed(Millis(0));
    assert_eq!(again(3), again(3), "the same seed, the same delay");
}
