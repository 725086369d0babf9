use super::*;

/// How often each of four consumers is chosen in 4,000 records.
fn counts(partitioner: Partitioner<u32>) -> [u32; 4] {
    let mut router = Router::new(partitioner, 4, 1);
    let mut counts = [0; 4];
    for n in 0..4000 {
        counts[router.route(&n).expect("a consumer").position()] += 1;
    }
    counts
}

#[test]
fn each_partitioner_spreads_as_it_says() {
    assert_eq!(counts(Partitioner::Forward), [4000, 0, 0, 0]);
    assert_eq!(counts(Partitioner::Global), [4000, 0, 0, 0]);
    assert_eq!(counts(Partitioner::Rebalance), [1000; 4]);
    assert_eq!(counts(Partitioner::Rescale), [1000; 4]);
    assert_eq!(counts(Partitioner::Custom(Arc::new(|n, _| n % 2))), [2000, 2000, 0, 0]);
    assert!(counts(Partitioner::Shuffle).iter().all(|count| (850..1150).contains(count)));
}

#[test]
fn a_custom_answer_out_of_range_is_refused() {
    let mut router = Router::new(Partitioner::Custom(Arc::new(|n: &u32, _| *n)), 4, 0);
    assert_eq!(router.route(&3), Ok(ChannelIndex(3)));
    assert_eq!(router.route(&4), Err(4));
}
