use super::*;

#[test]
fn shares_follow_each_other_and_differ_by_one_at_most() {
    for count in [0, 1, 7, 100, u64::MAX] {
        for parallelism in [1, 2, 3, 64] {
            let mut end = 0;
            for subtask in 0..parallelism {
                let part = share(count, subtask, parallelism);
                assert_eq!(part.start, end);
                let even = count / u64::from(parallelism);
                assert!((part.end - part.start) - even <= 1);
                end = part.end;
            }
            assert_eq!(end, count);
        }
    }
}
