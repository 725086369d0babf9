use super::{From, NEEDS, Need, Purpose, is_met};
use crate::repository::workspace::Workspace;

fn need(probe: &'static [&'static str]) -> Need {
    Need { name: "x", why: "x", purpose: Purpose::Tests, probe, from: From::Apt(&["x"]) }
}

#[test]
fn a_need_is_met_when_its_probe_succeeds() {
    let workspace = Workspace::find().unwrap();
    assert!(is_met(&workspace, &need(&["true"])));
    assert!(!is_met(&workspace, &need(&["false"])));
    assert!(!is_met(&workspace, &need(&["no-such-program-of-brisk"])));
}

#[test]
fn each_need_says_why_and_can_be_probed() {
    for need in NEEDS {
        assert!(!need.why.is_empty() && !need.probe.is_empty(), "{need:?}");
    }
}
