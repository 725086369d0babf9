use super::*;

fn check(mut assigner: DateTimeBuckets, millis: i64, expected: &str) {
    let time = Timestamp::from_millis(millis);
    let context = BucketContext { processing_time: time, timestamp: None };
    for _ in 0..2 {
        let mut bucket = String::new();
        assigner.bucket(&0, &context, &mut bucket);
        assert_eq!(bucket, expected);
    }
}

#[test]
fn dates_and_times() {
    check(DateTimeBuckets::daily(), 0, "1970-01-01");
    check(DateTimeBuckets::hourly(), -1, "1969-12-31--23");
    check(DateTimeBuckets::minutely(), 951_827_696_000, "2000-02-29--12-34");
    check(DateTimeBuckets::hourly(), 1_709_164_799_999, "2024-02-28--23");
    check(DateTimeBuckets::daily(), 1_709_164_800_000, "2024-02-29");
    check(DateTimeBuckets::daily(), 1_735_689_599_000, "2024-12-31");
    check(DateTimeBuckets::daily(), 4_107_542_400_000, "2100-03-01");
}

#[test]
fn days_follow_each_other() {
    let mut last = date_of(-800_000);
    for day in -799_999..800_000 {
        let next = date_of(day);
        let (year, month, of_month) = next;
        let is_next_day = (last.0, last.1) == (year, month) && of_month == last.2 + 1;
        let is_next_month = of_month == 1 && last.2 >= 28 && month == last.1 % 12 + 1;
        assert!(is_next_day || is_next_month, "{last:?} {next:?}");
        last = next;
    }
}
