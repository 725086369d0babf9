use super::*;

fn check(name: &str, expected: Option<PartName>) {
    assert_eq!(PartName::parse(OsStr::new(name)), expected, "{name}");
}

#[test]
fn names() {
    check("part-0", Some(PartName::Finished(0)));
    check("part-17", Some(PartName::Finished(17)));
    check(".part-3.inprogress.1a-0", Some(PartName::InProgress));
    for other in [
        ".part-3-1.inprogress.x",
        "part-",
        "part-01",
        "part-x",
        "part-1.txt",
        "part-99999999999",
        "x",
        ".part-1",
        "Part-1",
        ".part-1.inprogress.",
        ".part-.inprogress.1",
        "part-+1",
    ] {
        check(other, None);
    }
    assert_eq!(PartName::parse(&PartName::finished(12)), Some(PartName::Finished(12)));
    assert_eq!(PartName::parse(&PartName::in_progress(12, "a7", 3)), Some(PartName::InProgress));
}
