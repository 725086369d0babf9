use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

/// `expected` is `Err` with a part of the reason.
fn check<T: ConfigValue + PartialEq + Debug>(text: &str, expected: Result<T, &str>) {
    match (T::parse_value(text), expected) {
        (Ok(value), Ok(expected)) => assert_eq!(value, expected, "{text:?}"),
        (Err(Refused(reason)), Err(part)) => {
            assert!(reason.contains(part), "{text:?} is refused for '{reason}', not for '{part}'");
        }
        (found, expected) => panic!("{text:?} gives {found:?}, expected {expected:?}"),
    }
}

fn bytes(count: u64) -> MemorySize {
    MemorySize::from_bytes(count)
}

#[test]
fn memory_sizes() {
    check("0", Ok(bytes(0)));
    check("1024", Ok(bytes(1024)));
    check(" 64mb ", Ok(bytes(64 << 20)));
    check("1728m", Ok(bytes(1728 << 20)));
    check("4 GB", Ok(bytes(4 << 30)));
    check("10485760b", Ok(bytes(10_485_760)));
    check("256 bytes", Ok(bytes(256)));
    check("2 kibibytes", Ok(bytes(2048)));
    check("3T", Ok(bytes(3 << 40)));
    check("9223372036854775807 bytes", Ok(MemorySize::MAX));
    check::<MemorySize>("9223372036854775808", Err("more than"));
    check::<MemorySize>("99999999999999999999999", Err("more than"));
    check::<MemorySize>("8388608 tb", Err("more than"));
    check::<MemorySize>("", Err("digit"));
    check::<MemorySize>("-1", Err("digit"));
    check::<MemorySize>("mb", Err("digit"));
    check::<MemorySize>("1.5 gb", Err("'.5 gb' is not a unit"));
    check::<MemorySize>("33 kbb", Err("'kbb' is not a unit"));
}

#[test]
fn memory_sizes_are_printed_in_the_largest_unit_that_divides_them() {
    for (size, text, human) in [
        (0, "0 bytes", "0 bytes"),
        (1025, "1025 bytes", "1.001 kb"),
        (32 << 10, "32 kb", "32 kb"),
        (128 << 20, "128 mb", "128 mb"),
        (1 << 40, "1 tb", "1 tb"),
        (1728 << 20, "1728 mb", "1.688 gb"),
    ] {
        assert_eq!(bytes(size).to_string(), text);
        assert_eq!(bytes(size).human(), human);
    }
    assert_eq!(MemorySize::MAX.to_string(), "9223372036854775807 bytes");
}

#[test]
fn sizes_scale_as_flink_scales_them() {
    let tenth = Fraction::parse_value("0.1").unwrap().widened();
    assert_eq!(tenth, 0.100_000_001_490_116_12);
    assert_eq!(bytes(16 << 30).scale(tenth), bytes(1_717_986_944));
    // The product of the floats is 204346485.0.
    assert_eq!(bytes(672 << 20).scale(f64::from(0.29f32)), bytes(204_346_484));
    assert_eq!(MemorySize::MAX.scale(2.0), MemorySize::MAX);
    assert_eq!(MemorySize::MAX.scale(1.0), MemorySize::MAX);
    assert_eq!(bytes(10).scale(1e300), MemorySize::MAX);
    assert_eq!(bytes(0).scale(1e300), MemorySize::ZERO);
    assert_eq!(MemorySize::MAX.scale(f64::from(f32::from_bits(1))), MemorySize::ZERO);
    assert_eq!(MemorySize::MAX.scale(1e-18), bytes(9));
}

#[test]
fn durations() {
    check("10 s", Ok(Duration::from_secs(10)));
    check("500ms", Ok(Duration::from_millis(500)));
    check("100", Ok(Duration::from_millis(100)));
    check("5 min", Ok(Duration::from_secs(300)));
    check("5m", Ok(Duration::from_secs(300)));
    check("1 d", Ok(Duration::from_secs(86_400)));
    check("2 Days", Ok(Duration::from_secs(172_800)));
    check("3 hours", Ok(Duration::from_secs(10_800)));
    check("7 µs", Ok(Duration::from_micros(7)));
    check("7 micros", Ok(Duration::from_micros(7)));
    check("9 nanoseconds", Ok(Duration::from_nanos(9)));
    check("PT10S", Ok(Duration::from_secs(10)));
    check("pt0.1s", Ok(Duration::from_millis(100)));
    check("P1DT2H3M4.5S", Ok(Duration::new(93_784, 500_000_000)));
    check("P2D", Ok(Duration::from_secs(172_800)));
    check("PT1.000000001S", Ok(Duration::new(1, 1)));
    check::<Duration>("", Err("digit"));
    check::<Duration>("-1", Err("digit"));
    check::<Duration>("10 parsecs", Err("'parsecs' is not a unit"));
    check::<Duration>("10 sss", Err("not a unit"));
    check::<Duration>("1.5 s", Err("'.5 s' is not a unit"));
    check::<Duration>("99999999999999999999", Err("longer"));
    check::<Duration>("9223372036854775807 d", Err("longer"));
    for malformed in [
        "P", "PT", "P1H", "PT1D", "PT1S1M", "PT1M1M", "PT1.5M", "P1", "PTS", "PT-1S", "PT1TS",
        "P1DT",
    ] {
        check::<Duration>(malformed, Err("ISO-8601"));
    }
    check::<Duration>("PT99999999999999999999S", Err("longer"));
}

#[test]
fn lists() {
    let list = |items: &[&str]| Ok(items.iter().map(|item| (*item).to_owned()).collect::<Vec<_>>());
    check("", list(&[]));
    check("a", list(&["a"]));
    check("a;b; c ", list(&["a", "b", "c"]));
    check("'a;b';c", list(&["a;b", "c"]));
    check(r#""it''s";'it''s'"#, list(&["it''s", "it's"]));
    check("it's;b", list(&["it's", "b"]));
    check("[a, 'b, c', \"d\"]", list(&["a", "b, c", "d"]));
    check("[]", list(&[]));
    check("[{name: x, ports: [1, 2]}]", list(&["{name: x, ports: [1, 2]}"]));
    check("1;2;3", Ok(vec![1u32, 2, 3]));
    check::<Vec<String>>("'a;b", Err("quote is opened"));
    check("[::1]:1;[::2]:2", list(&["[::1]:1", "[::2]:2"]));
    check::<Vec<String>>("[a, 'b]", Err("not YAML"));
    check::<Vec<u32>>("1;x", Err("not such a number"));
}

#[test]
fn maps() {
    let map = |entries: &[(&str, &str)]| {
        let owned = entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Ok(owned.collect::<BTreeMap<_, _>>())
    };
    check("", map(&[]));
    check("{}", map(&[]));
    check("k:v,k2:v2", map(&[("k", "v"), ("k2", "v2")]));
    check("k:'v:1,2', 'k 2' : v2", map(&[("k", "v:1,2"), ("k 2", "v2")]));
    check("'k:''v,1'''", map(&[("k", "v,1")]));
    check("'k':'v'", map(&[("k", "v")]));
    check("{k: v, k2: 'v 2'}", map(&[("k", "v"), ("k2", "v 2")]));
    check("a:1", Ok(BTreeMap::from([("a".to_owned(), 1u32)])));
    check::<BTreeMap<String, String>>("k", Err("'k' is not of the form key:value"));
    check::<BTreeMap<String, String>>("k:v:w", Err("not of the form"));
    check::<BTreeMap<String, String>>("k:v,k:w", Err("'k' comes twice"));
    check::<BTreeMap<String, u32>>("k:x", Err("'x' of 'k'"));
}

#[test]
fn port_ranges() {
    let text = "50100, 50200-50202,0";
    let range = PortRange::parse_value(text).unwrap();
    assert_eq!(range.ports().collect::<Vec<_>>(), [50100, 50200, 50201, 50202, 0]);
    assert_eq!(range.to_string(), "50100,50200-50202,0");
    assert_eq!(range.spans().len(), 3);
    check::<PortRange>("", Err("'' is not a port"));
    check::<PortRange>("65536", Err("'65536' is not a port"));
    check::<PortRange>("10-5", Err("backwards"));
    check::<PortRange>("0-5", Err("0 stands for any"));
    check::<PortRange>("1-2-3", Err("'2-3' is not a port"));
    check::<PortRange>(&"1,".repeat(300), Err("more than 256"));
}

#[test]
fn scalars() {
    check("TRUE", Ok(true));
    check(" false ", Ok(false));
    check::<bool>("yes", Err("neither"));
    check("7", Ok(7u32));
    check::<u32>("-7", Err("not such a number"));
    check("18446744073709551615", Ok(u64::MAX));
    check::<u64>("1e3", Err("not such a number"));
    check("1.5", Ok(1.5f64));
    check::<f64>("inf", Err("not finite"));
    check::<f64>("x", Err("not a decimal"));
    check("0.4", Fraction::parse_value("0.4").map_err(|_| ""));
    check::<Fraction>("1", Err("within"));
    check::<Fraction>("-0.1", Err("within"));
    check::<Fraction>("NaN", Err("within"));
    check::<Fraction>("40%", Err("not a decimal"));
    assert_eq!(Fraction::parse_value("-0.0").unwrap().to_string(), "0");
    check("x", Ok(Some("x".to_owned())));
    assert_eq!(Option::<u32>::when_unset(), Some(None));
    assert_eq!(u32::when_unset(), None);
}

#[test]
fn folders() {
    let paths = |all: &[&str]| Ok(PathList(all.iter().map(PathBuf::from).collect()));
    check("/tmp", paths(&["/tmp"]));
    check("/a,/b:/c|/d", paths(&["/a", "/b", "/c", "/d"]));
    check("[/a, '/b c']", paths(&["/a", "/b c"]));
    check(" /a , ", paths(&["/a"]));
    check::<PathList>(",", Err("no folder"));
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Claim {
    NoClaim,
    Claim,
}

impl ConfigEnum for Claim {
    const NAME: &'static str = "Claim";
    const NAMES: &'static [(&'static str, Claim)] =
        &[("NO_CLAIM", Claim::NoClaim), ("CLAIM", Claim::Claim)];
}

#[test]
fn enumerations() {
    check("no-claim", Ok(Claim::NoClaim));
    check(" Claim ", Ok(Claim::Claim));
    check::<Claim>("legacy", Err("none of the names"));
    assert_eq!(Claim::accepted(), "one of NO_CLAIM, CLAIM");
}

proptest! {
    #[test]
    fn a_size_reads_back(count in 0..=i64::MAX as u64) {
        let size = bytes(count);
        prop_assert_eq!(MemorySize::parse_value(&size.to_string()), Ok(size));
    }

    #[test]
    fn a_duration_reads_back(millis in 0..=i64::MAX as u64, nanos in 0u64..10_000_000) {
        for duration in [Duration::from_millis(millis), Duration::from_nanos(nanos)] {
            prop_assert_eq!(Duration::parse_value(&render_duration(duration)), Ok(duration));
        }
    }

    #[test]
    fn an_iso_duration_reads_back(days in 0u64..10_000, seconds in 0u64..86_400, nanos in 0u32..1_000_000_000) {
        let text = format!("P{days}DT{}H{}M{}.{nanos:09}S", seconds / 3600, seconds / 60 % 60, seconds % 60);
        let expected = Duration::new(days * 86_400 + seconds, nanos);
        prop_assert_eq!(Duration::parse_value(&text), Ok(expected));
    }

    #[test]
    fn a_list_reads_back(items in proptest::collection::vec(any::<String>(), 0..8)) {
        prop_assert_eq!(Vec::<String>::parse_value(&render_list(&items)), Ok(items));
    }

    #[test]
    fn a_map_reads_back(entries in proptest::collection::btree_map(any::<String>(), any::<String>(), 0..8)) {
        prop_assert_eq!(BTreeMap::parse_value(&render_map(&entries)), Ok(entries));
    }

    #[test]
    fn a_quoted_1x_list_reads_back(items in proptest::collection::vec(any::<String>(), 1..8)) {
        let quoted: Vec<String> =
            items.iter().map(|item| format!("'{}'", item.replace('\'', "''"))).collect();
        prop_assert_eq!(Vec::<String>::parse_value(&quoted.join(";")), Ok(items));
    }

    #[test]
    fn a_port_range_reads_back(spans in proptest::collection::vec((1u16.., 0u16..100), 1..8)) {
        let text: Vec<String> =
            spans.iter().map(|(first, more)| format!("{first}-{}", first.saturating_add(*more))).collect();
        let range = PortRange::parse_value(&text.join(",")).unwrap();
        prop_assert_eq!(PortRange::parse_value(&range.to_string()), Ok(range));
    }

    #[test]
    fn no_text_panics(text in r#"[-PpTtDdHhMmSs0-9.,:;|'"\[\]{}a-z%µ\\ \n&*!]{0,24}"#) {
        let _ = MemorySize::parse_value(&text);
        let _ = Duration::parse_value(&text);
        let _ = PortRange::parse_value(&text);
        let _ = Fraction::parse_value(&text);
        let _ = PathList::parse_value(&text);
        let _ = Vec::<String>::parse_value(&text);
        let _ = BTreeMap::<String, String>::parse_value(&text);
    }
}
