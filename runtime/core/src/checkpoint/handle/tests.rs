use super::*;

#[test]
fn names_lead_nowhere_else() {
    for name in ["worker-1.state", "0", "a_b.C-1"] {
        let path = StatePath::new(Place::Shared, name).unwrap();
        assert_eq!(path.to_string(), format!("../shared/{name}"));
    }
    let long = "a".repeat(201);
    for name in ["", ".", "..", "a/b", "/a", "../a", "-a", "a\0", "ä", "a b", &long] {
        let refused = StatePath::new(Place::Checkpoint, name).unwrap_err();
        assert!(refused.to_string().contains("is not the name of a state file"), "{refused}");
    }
}
