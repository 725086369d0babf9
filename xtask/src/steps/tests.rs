use super::Steps;
use crate::failure::Failure;

#[test]
fn a_failed_step_does_not_hide_the_next_and_fails_the_whole() {
    let mut steps = Steps::default();
    let mut ran = Vec::new();
    steps.step("first", || {
        ran.push("first");
        Err(Failure::TimeLimit("x hung\nin many words".into()))
    });
    steps.step("second", || {
        ran.push("second");
        Ok("all well".into())
    });
    assert_eq!(ran, ["first", "second"]);
    let table = steps.table();
    assert!(table.contains("first        FAILED"), "{table}");
    assert!(table.contains("x hung\n"), "{table}");
    assert!(table.contains("all well"), "{table}");
    assert_eq!(steps.finish().expect_err("one failed").exit_code(), 4);
    assert_eq!(Steps::default().finish(), Ok(()));
}
