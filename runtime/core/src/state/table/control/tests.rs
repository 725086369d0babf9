use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn windows_are_seen_as_byte_by_byte(bytes: [u8; WINDOW], byte: u8, at in 0..WINDOW) {
        let mut bytes = bytes;
        bytes[at] = byte;
        let window = Window::at(&bytes, 0);
        let equal = window.which(|found| found == byte);
        prop_assert_eq!(window.equal(byte), equal);
        prop_assert_eq!(window.free(), window.which(|found| found >= DELETED));
        let places: Vec<usize> = (0..WINDOW).filter(|at| bytes[*at] == byte).collect();
        prop_assert_eq!(equal.collect::<Vec<_>>(), places.clone());
        prop_assert_eq!(equal.before_first(), places[0]);
        prop_assert_eq!(equal.behind_last(), WINDOW - 1 - places[places.len() - 1]);
    }
}

#[test]
fn nothing_found_is_sixteen_places_either_way() {
    let none = Window::at(&[7; WINDOW], 0).equal(EMPTY);
    assert!(!none.found());
    assert_eq!((none.before_first(), none.behind_last()), (WINDOW, WINDOW));
}
