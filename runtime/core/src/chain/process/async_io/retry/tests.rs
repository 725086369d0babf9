use super::*;

fn check(strategy: &RetryStrategy<u8>, answer: &Answer<u8>, expected: &[Option<u64>]) {
    for (attempt, expected) in (1..).zip(expected) {
        let found = strategy.delay(attempt, answer);
        assert_eq!(found, expected.map(Duration::from_millis), "attempt {attempt}");
    }
}

fn ms(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

#[test]
fn delays_follow_the_strategy() {
    let three = NonZeroU32::new(3).unwrap();
    let failed = || Err("no answer".into());
    check(&RetryStrategy::none(), &failed(), &[None]);
    let fixed = RetryStrategy::fixed(three, ms(20));
    check(&fixed, &failed(), &[Some(20), Some(20), None]);
    check(&fixed, &Ok(vec![]), &[None]);
    let five = NonZeroU32::new(5).unwrap();
    let grows = RetryStrategy::exponential(five, (ms(10), ms(35)), 2.0);
    check(&grows, &failed(), &[Some(10), Some(20), Some(35), Some(35), None]);
    let empty = fixed.when(|answer| answer.as_ref().is_ok_and(Vec::is_empty));
    check(&empty, &failed(), &[None]);
    check(&empty, &Ok(vec![]), &[Some(20), Some(20), None]);
}
