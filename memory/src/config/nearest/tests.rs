use super::*;

fn check(key: &str, expected: Option<&str>) {
    assert_eq!(meant_by(key), expected, "{key}");
}

#[test]
fn slips_of_the_hand() {
    check("paralelism.default", Some("parallelism.default"));
    check("parallelism.defualt", Some("parallelism.default"));
    check("taskmanager.memroy.network.max", Some("taskmanager.memory.network.max"));
    check("taskmanager.memory.network.mx", Some("taskmanager.memory.network.max"));
    check("taskmanager.io.diver", Some("taskmanager.io.driver"));
}

#[test]
fn keys_that_are_right_or_somebody_elses() {
    for key in ["parallelism.default", "jobmanager.heap.size", "my.own.key", "x", ""] {
        check(key, None);
    }
    check("taskmanager.memory.managed.consumer-weights.OPERATOR", None);
    check("high-availability.type", None);
}

#[test]
fn distances() {
    let check = |one: &str, other: &str, expected| {
        assert_eq!(slips(one.as_bytes(), other.as_bytes()), expected, "{one} {other}");
        assert_eq!(slips(other.as_bytes(), one.as_bytes()), expected, "{other} {one}");
    };
    check("", "", 0);
    check("same", "same", 0);
    check("sane", "same", 1);
    check("smae", "same", 1);
    check("ame", "same", 1);
    check("seame", "same", 1);
    check("sma", "same", 2);
    check("a", "bcde", SLIPS_MAX + 1);
}
