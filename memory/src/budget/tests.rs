use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

#[test]
fn reservations_are_counted_until_they_end() {
    let budget = Budget::new("sorting", 100);
    let mut first = budget.reserve("a", 60).unwrap();
    let second = budget.reserve("b", 40).unwrap();
    assert_eq!((budget.used(), budget.available()), (100, 0));
    first.resize(10).unwrap();
    assert_eq!(budget.available(), 50);
    let part = first.split(4);
    assert_eq!((first.bytes(), part.bytes(), part.owner()), (6, 4, "a"));
    drop((first, second));
    assert_eq!(budget.used(), 4);
    drop(part);
    budget.verify_invariants();
    assert_eq!((budget.used(), budget.holders()), (0, TopHolders::default()));
}

#[test]
fn out_of_memory_names_the_top_holders() {
    let budget = Budget::new("managed memory (taskmanager.memory.managed.size)", 10 << 20);
    let mut held: Vec<_> = (1..=7_u64)
        .map(|at| budget.reserve(&format!("job/task {at}"), at << 18).unwrap())
        .collect();
    held.push(budget.reserve("job/task 3", 1 << 20).unwrap());
    let error = budget.reserve("job/sort 1", 5 << 20).unwrap_err();
    assert_eq!(
        error.to_string(),
        "job/sort 1 needs 5 mb of managed memory (taskmanager.memory.managed.size), but 2 mb of \
         10 mb are left; it is held by job/task 3 (1.750 mb), job/task 7 (1.750 mb), \
         job/task 6 (1.500 mb), job/task 5 (1.250 mb), job/task 4 (1 mb) and 2 others (768 kb)"
    );
    let mut last = held.pop().unwrap();
    assert!(last.resize(4 << 20).is_err());
    assert_eq!((last.bytes(), budget.used()), (1 << 20, 8 << 20));
    budget.verify_invariants();
}

#[test]
#[should_panic(expected = "a part is not larger than the whole")]
fn more_than_there_is_cannot_be_split_off() {
    Budget::new("small", 10).reserve("a", 5).unwrap().split(6);
}

#[test]
#[should_panic(expected = "an owner does not return more than it has")]
fn counting_below_zero_panics() {
    let mut state = State::default();
    state.add(&"a".into(), 5);
    state.add(&"b".into(), 5);
    state.remove(&"a".into(), 6);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Beside a naive twin: a list of numbers.
    #[test]
    fn budgets_add_up(total in 0..1000_u64, steps in vec((0..8_usize, 0..500_u64), 0..100)) {
        let budget = Budget::new("twin", total);
        let mut real: Vec<Reservation> = Vec::new();
        let mut twin: Vec<u64> = Vec::new();
        for (at, bytes) in steps {
            if at < twin.len() && bytes % 3 == 0 {
                real.remove(at);
                twin.remove(at);
            } else if at < twin.len() {
                let fits = twin.iter().sum::<u64>() - twin[at] + bytes <= total;
                prop_assert_eq!(real[at].resize(bytes).is_ok(), fits || bytes <= twin[at]);
                twin[at] = if fits { bytes } else { twin[at] };
            } else {
                let fits = twin.iter().sum::<u64>() + bytes <= total;
                let reserved = budget.reserve(if at % 2 == 0 { "even" } else { "odd" }, bytes);
                prop_assert_eq!(reserved.is_ok(), fits);
                real.extend(reserved);
                twin.extend(fits.then_some(bytes));
            }
            prop_assert_eq!(budget.used(), twin.iter().sum::<u64>());
            budget.verify_invariants();
        }
        drop(real);
        prop_assert_eq!(budget.used(), 0);
    }
}
