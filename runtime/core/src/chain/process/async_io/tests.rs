//! Asynchronous operators in simulated jobs.

use std::{
    collections::BTreeMap,
    future::Future,
    num::NonZeroU32,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use super::*;
use crate::{
    api::{Collected, StreamExecutionEnvironment},
    error::{Error, TaskError},
    job::SimulatedCluster,
};

/// Answers after it was polled some times; it wakes itself, so that others take turns.
struct Slowly<U> {
    polls: u64,
    answer: Option<Answer<U>>,
}

impl<U> Unpin for Slowly<U> {}

impl<U> Future for Slowly<U> {
    type Output = Answer<U>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Answer<U>> {
        if self.polls == 0 {
            return Poll::Ready(self.answer.take().expect("polled once after it was ready"));
        }
        self.polls -= 1;
        context.waker().wake_by_ref();
        Poll::Pending
    }
}

/// Some numbers take longer than others.
fn slowly(number: i64) -> Slowly<i64> {
    let polls = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61;
    Slowly { polls, answer: Some(Ok(vec![number, -number])) }
}

fn capacity(records: u32) -> NonZeroU32 {
    NonZeroU32::new(records).unwrap()
}

fn run(
    seed: u64,
    describe: impl FnOnce(&StreamExecutionEnvironment) -> Collected<i64>,
) -> Result<Vec<i64>, Error> {
    let mut cluster = SimulatedCluster::from_seed(seed)?;
    let env = StreamExecutionEnvironment::new()?;
    env.set_parallelism(1);
    let found = describe(&env);
    env.execute_on(&mut cluster, "asks")?;
    Ok(found.take())
}

#[test]
fn ordered_results_are_in_the_order_of_the_records() {
    let expected: Vec<i64> = (1..=500).flat_map(|number| [number, -number]).collect();
    for seed in 0..20 {
        let found = run(seed, |env| {
            let options = AsyncOptions::ordered().capacity(capacity(1 + seed as u32));
            env.from_sequence(1..=500).process_async(|n: &i64| slowly(*n), options).collect()
        });
        assert_eq!(found.unwrap(), expected, "seed {seed}");
    }
}

#[test]
fn unordered_results_are_all_there() {
    let mut expected: Vec<i64> = (1..=500).flat_map(|number| [number, -number]).collect();
    expected.sort_unstable();
    for seed in 0..20 {
        let mut found = run(seed, |env| {
            let options = AsyncOptions::unordered().capacity(capacity(7));
            let numbers = env.from_sequence(1..=500).rebalance();
            numbers.process_async(|n: &i64| slowly(*n), options).collect()
        })
        .unwrap();
        assert!(seed > 0 || !found.is_sorted_by_key(|n| n.abs()), "some overtake others");
        found.sort_unstable();
        assert_eq!(found, expected, "seed {seed}");
    }
}

/// Never answers.
struct Never;

impl Future for Never {
    type Output = Answer<i64>;

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Answer<i64>> {
        Poll::Pending
    }
}

/// Says what it was asked when its time is over.
#[derive(Clone)]
struct GivesUp;

impl AsyncFunction<i64> for GivesUp {
    type Out = i64;
    type Request = Never;

    fn invoke(&mut self, _: &i64) -> Never {
        Never
    }

    fn timed_out(&mut self, input: &i64) -> Answer<i64> {
        Ok(vec![*input])
    }
}

#[test]
fn what_takes_too_long_is_over_by_the_drivers_clock() {
    let found = run(3, |env| {
        let options = AsyncOptions::ordered().timeout(Duration::from_secs(3600));
        env.from_sequence(1..=250).process_async(GivesUp, options).collect()
    });
    assert_eq!(found.unwrap(), (1..=250).collect::<Vec<i64>>());
    let error = run(3, |env| {
        let options = AsyncOptions::ordered().timeout(Duration::from_secs(3600));
        env.from_sequence(1..=2).process_async(|_: &i64| Never, options).collect()
    });
    let error = error.unwrap_err();
    let Error::Task { cause: TaskError::Function(cause), .. } = &error else {
        panic!("{error}");
    };
    assert!(cause.to_string().contains("AsyncFunction::timed_out"), "{cause}");
}

#[test]
fn requests_are_repeated_as_the_strategy_says() {
    let asked: Arc<Mutex<BTreeMap<i64, u32>>> = Arc::default();
    let counts = Arc::clone(&asked);
    let found = run(5, |env| {
        let retry = RetryStrategy::exponential(
            capacity(4),
            (Duration::from_secs(10), Duration::from_secs(30)),
            2.0,
        );
        let options = AsyncOptions::ordered().retry(retry);
        let ask = move |number: &i64| {
            let number = *number;
            let mut counts = counts.lock().unwrap();
            let nth = counts.entry(number).or_insert(0);
            *nth += 1;
            let answer =
                if i64::from(*nth) > number % 4 { Ok(vec![number]) } else { Err("busy".into()) };
            std::future::ready(answer)
        };
        env.from_sequence(1..=40).process_async(ask, options).collect()
    });
    assert_eq!(found.unwrap(), (1..=40).collect::<Vec<i64>>());
    let expected: BTreeMap<i64, u32> = (1..=40).map(|n| (n, 1 + (n % 4) as u32)).collect();
    assert_eq!(*asked.lock().unwrap(), expected);
}

#[test]
fn an_error_that_stands_fails_the_job() {
    let attempts = Arc::new(AtomicU32::new(0));
    let counter = Arc::clone(&attempts);
    let error = run(5, |env| {
        let retry = RetryStrategy::fixed(capacity(3), Duration::from_secs(1));
        let ask = move |_: &i64| {
            counter.fetch_add(1, Ordering::Relaxed);
            std::future::ready(Answer::<i64>::Err("gone".into()))
        };
        let options = AsyncOptions::unordered().retry(retry);
        env.from_sequence(1..=1).process_async(ask, options).collect()
    });
    assert!(error.unwrap_err().to_string().contains("Async"));
    assert_eq!(attempts.load(Ordering::Relaxed), 3);
}
