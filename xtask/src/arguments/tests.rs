use super::Arguments;

fn arguments(line: &str) -> Arguments {
    Arguments::new("test", line.split_whitespace().map(str::to_owned).collect())
}

#[test]
fn flags_numbers_names_and_the_rest_are_told_apart() {
    let mut given = arguments("--quick config --seconds 10 -- -p brisk --seconds 3");
    assert!(given.flag("--quick"));
    assert!(!given.flag("--quick"));
    assert_eq!(given.number("--seconds"), Ok(Some(10)));
    assert_eq!(given.number("--seconds"), Ok(None));
    assert_eq!(given.names(), ["config"]);
    assert_eq!(given.passed_on(), ["-p", "brisk", "--seconds", "3"]);
    assert_eq!(given.finish(), Ok(()));
}

#[test]
fn what_no_one_took_is_a_usage_error() {
    for line in ["--unknown", "word", "-- rest"] {
        let failure = arguments(line).finish().expect_err(line);
        assert_eq!(failure.exit_code(), 2, "{line}");
        assert!(failure.to_string().contains("--help"), "{failure}");
    }
}

#[test]
fn a_word_is_one_of_those_that_are_known() {
    let mut given = arguments("--fault tear --quick");
    assert_eq!(given.one_of("--fault", &["slip", "tear"]), Ok(Some("tear")));
    assert_eq!(given.one_of("--fault", &["slip", "tear"]), Ok(None));
    assert!(given.flag("--quick"));
    for line in ["--fault", "--fault rust"] {
        let failure = arguments(line).one_of("--fault", &["slip", "tear"]).expect_err(line);
        assert!(failure.to_string().contains("slip, tear"), "{failure}");
    }
}

#[test]
fn a_number_has_to_be_one() {
    for line in ["--seconds", "--seconds x", "--seconds 0", "--seconds -3"] {
        let failure = arguments(line).number("--seconds").expect_err(line);
        assert_eq!(failure.exit_code(), 2, "{line}");
    }
}

#[test]
fn a_range_is_told_from_a_number() {
    let mut given = arguments("--seeds 3..9 --json");
    assert_eq!(given.range("--seeds"), Ok(Some(3..9)));
    assert_eq!(given.range("--seeds"), Ok(None));
    let mut given = arguments("--seeds 9");
    assert_eq!(given.range("--seeds"), Ok(None));
    assert_eq!(given.number("--seeds"), Ok(Some(9)));
    for line in ["--seeds 3..3", "--seeds 9..3", "--seeds ..3", "--seeds a..b"] {
        let failure = arguments(line).range("--seeds").expect_err(line);
        assert_eq!(failure.exit_code(), 2, "{line}");
    }
}
