//! Compared with a twin that looks at all channels each time, over all short sequences of signals
//! for 2 and 3 channels and over random long ones for more.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Copy, Debug, PartialEq)]
struct Known {
    watermark: i64,
    active: bool,
    aligned: bool,
}

/// The rules of the module's comment, word by word.
struct Twin {
    channels: Vec<Known>,
    output: i64,
    active: bool,
}

impl Twin {
    fn new(channels: usize) -> Self {
        let fresh = Known { watermark: i64::MIN, active: true, aligned: true };
        Self { channels: vec![fresh; channels], output: i64::MIN, active: true }
    }

    fn least(&mut self) -> Option<Signal> {
        let counting = self.channels.iter().filter(|channel| channel.aligned);
        let least = counting.map(|channel| channel.watermark).min()?;
        (least > self.output).then(|| self.give(least))
    }

    fn give(&mut self, watermark: i64) -> Signal {
        self.output = watermark;
        Signal::Watermark(Watermark::from_millis(watermark))
    }

    fn step(&mut self, at: usize, signal: Signal) -> Vec<Signal> {
        let before = self.channels[at];
        let mut out = Vec::new();
        match signal {
            Signal::Watermark(watermark) if before.active => {
                let watermark = watermark.timestamp().millis();
                if watermark > before.watermark {
                    self.channels[at].watermark = watermark;
                    self.channels[at].aligned |= watermark >= self.output;
                    out.extend(self.least());
                }
            }
            Signal::Status(StreamStatus::Idle) if before.active => {
                self.channels[at].active = false;
                self.channels[at].aligned = false;
                if self.channels.iter().any(|channel| channel.active) {
                    out.extend(self.least());
                } else {
                    let seen = self.channels.iter().map(|channel| channel.watermark).max().unwrap();
                    if before.watermark == self.output && seen > self.output {
                        out.push(self.give(seen));
                    }
                    self.active = false;
                    out.push(signal);
                }
            }
            Signal::Status(StreamStatus::Active) if !before.active => {
                self.channels[at].active = true;
                self.channels[at].aligned = before.watermark >= self.output;
                if !std::mem::replace(&mut self.active, true) {
                    out.push(signal);
                }
            }
            _ => {}
        }
        out
    }
}

fn feed(valve: &mut WatermarkValve, channel: usize, signal: Signal) -> Vec<Signal> {
    valve.input(channel, signal).collect()
}

const IDLE: Signal = Signal::Status(StreamStatus::Idle);
const ACTIVE: Signal = Signal::Status(StreamStatus::Active);

const fn at(millis: i64) -> Signal {
    Signal::Watermark(Watermark::from_millis(millis))
}

fn check(channels: usize, steps: &[(usize, Signal, &[Signal])]) {
    let mut valve = WatermarkValve::new(channels);
    for (step, (channel, signal, expected)) in steps.iter().enumerate() {
        assert_eq!(feed(&mut valve, *channel, *signal), *expected, "step {step}");
    }
}

#[test]
fn one_channel_passes_through() {
    check(1, &[(0, at(5), &[at(5)]), (0, at(5), &[]), (0, at(4), &[]), (0, at(6), &[at(6)])]);
    check(1, &[(0, at(5), &[at(5)]), (0, IDLE, &[IDLE]), (0, at(9), &[]), (0, ACTIVE, &[ACTIVE])]);
}

#[test]
fn the_slowest_channel_counts() {
    check(
        3,
        &[
            (0, at(5), &[]),
            (1, at(7), &[]),
            (2, at(4), &[at(4)]),
            (2, at(9), &[at(5)]),
            (0, at(6), &[at(6)]),
            (0, at(8), &[at(7)]),
        ],
    );
}

#[test]
fn idle_channels_hold_nobody() {
    check(2, &[(0, at(5), &[]), (1, IDLE, &[at(5)]), (0, at(6), &[at(6)])]);
}

#[test]
fn the_last_to_go_idle_lets_the_greatest_out() {
    check(2, &[(0, at(9), &[]), (1, at(3), &[at(3)]), (0, IDLE, &[]), (1, IDLE, &[at(9), IDLE])]);
    // The one that goes last was ahead itself, and had let its own watermark out.
    check(2, &[(0, at(9), &[]), (1, at(3), &[at(3)]), (1, IDLE, &[at(9)]), (0, IDLE, &[IDLE])]);
}

#[test]
fn a_channel_that_comes_back_counts_when_it_has_caught_up() {
    check(
        2,
        &[
            (0, at(5), &[]),
            (1, IDLE, &[at(5)]),
            (1, ACTIVE, &[]),
            (0, at(6), &[at(6)]),
            (1, at(4), &[]),
            (0, at(7), &[at(7)]),
            (1, at(7), &[]),
            (0, at(8), &[]),
            (1, at(9), &[at(8)]),
        ],
    );
}

#[test]
fn all_behind_gives_nothing_until_one_has_caught_up() {
    check(
        2,
        &[
            (0, at(5), &[]),
            (1, IDLE, &[at(5)]),
            (1, ACTIVE, &[]),
            (0, IDLE, &[]),
            (1, at(3), &[]),
            (1, at(6), &[at(6)]),
        ],
    );
}

#[test]
fn the_end_of_one_channel_holds_nobody() {
    let end = Signal::Watermark(Watermark::MAX);
    check(2, &[(0, end, &[]), (1, at(3), &[at(3)]), (1, end, &[end])]);
    // All at the end is not the same as none that counts.
    check(2, &[(0, end, &[]), (1, IDLE, &[end]), (0, IDLE, &[IDLE])]);
}

#[test]
fn holders_are_named() {
    let mut valve = WatermarkValve::new(3);
    feed(&mut valve, 0, at(5));
    feed(&mut valve, 2, at(6));
    let holders: Vec<_> = valve.holders().collect();
    assert_eq!(holders, [(1, Watermark::MIN)]);
    feed(&mut valve, 1, IDLE);
    let holders: Vec<_> = valve.holders().collect();
    assert_eq!(holders, [(0, Watermark::from_millis(5))]);
}

/// Every sequence of `length` signals to `channels` channels, as digits of a number.
fn enumerate(channels: usize, length: u32) {
    let signals = [IDLE, ACTIVE, at(1), at(2), at(3)];
    let choices = signals.len() * channels;
    for number in 0..choices.pow(length) {
        let (mut valve, mut twin) = (WatermarkValve::new(channels), Twin::new(channels));
        let mut rest = number;
        for _ in 0..length {
            let (channel, signal) = (rest % channels, signals[rest / channels % signals.len()]);
            rest /= choices;
            let (out, expected) = (feed(&mut valve, channel, signal), twin.step(channel, signal));
            assert_eq!(out, expected, "sequence {number} of {length} to {channels} channels");
        }
    }
}

#[test]
fn all_short_sequences_of_two_and_three_channels() {
    enumerate(2, 6);
    enumerate(3, 5);
}

fn signal() -> impl Strategy<Value = Signal> {
    prop_oneof![2 => Just(IDLE), 2 => Just(ACTIVE), 8 => (0..50_i64).prop_map(at)]
}

proptest! {
    #[test]
    fn like_its_twin(
        channels in 1_usize..20,
        steps in prop::collection::vec((any::<prop::sample::Index>(), signal()), 0..200),
    ) {
        let (mut valve, mut twin) = (WatermarkValve::new(channels), Twin::new(channels));
        for (channel, signal) in steps {
            let channel = channel.index(channels);
            prop_assert_eq!(feed(&mut valve, channel, signal), twin.step(channel, signal));
            prop_assert_eq!(valve.watermark().timestamp().millis(), twin.output);
        }
    }
}
