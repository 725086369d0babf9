use super::*;

#[cfg(not(loom))]
mod threads {
    use super::*;
    use std::{collections::VecDeque, sync::Arc, thread};

    #[test]
    fn a_full_mailbox_gives_the_value_back() {
        let (sender, mut receiver) = mailbox(2);
        assert_eq!(sender.push(1), Ok(()));
        assert_eq!(sender.push(2), Ok(()));
        assert_eq!(sender.push(3), Err(3));
        assert_eq!(receiver.pop(), Some(1));
        assert_eq!(sender.push(3), Ok(()));
        assert_eq!((receiver.pop(), receiver.pop(), receiver.pop()), (Some(2), Some(3), None));
    }

    #[test]
    fn every_value_arrives_once_and_in_order_per_sender() {
        const SENDERS: u64 = 3;
        const EACH: u64 = 20_000;
        let (mailbox, mut receiver) = mailbox(64);
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                let mailbox = mailbox.clone();
                thread::spawn(move || {
                    for n in 0..EACH {
                        let mut value = (sender, n);
                        while let Err(back) = mailbox.push(value) {
                            value = back;
                            thread::yield_now();
                        }
                    }
                })
            })
            .collect();
        let mut next = [0; SENDERS as usize];
        let mut received = 0;
        while received < SENDERS * EACH {
            match receiver.pop() {
                Some((sender, n)) => {
                    assert_eq!(n, next[sender as usize]);
                    next[sender as usize] += 1;
                    received += 1;
                }
                None => thread::yield_now(),
            }
        }
        for sender in senders {
            sender.join().expect("a sender does not panic");
        }
        assert_eq!(receiver.pop(), None);
    }

    #[test]
    fn values_left_inside_are_dropped() {
        let value = Arc::new(());
        let (mailbox, receiver) = mailbox(4);
        mailbox.push(Arc::clone(&value)).expect("there is room");
        drop((mailbox, receiver));
        assert_eq!(Arc::strong_count(&value), 1);
    }

    #[test]
    fn what_is_pushed_after_the_receiver_is_dropped_by_who_looks() {
        let (value, (mailbox, receiver)) = (Arc::new(()), mailbox(4));
        mailbox.push(Arc::clone(&value)).expect("there is room");
        assert!(!mailbox.discard_if_closed());
        drop(receiver);
        assert_eq!(Arc::strong_count(&value), 1);
        mailbox.push(Arc::clone(&value)).expect("there is room");
        assert!(mailbox.discard_if_closed());
        assert_eq!(Arc::strong_count(&value), 1);
    }

    proptest::proptest! {
        #[test]
        fn behaves_as_a_bounded_deque(steps in proptest::collection::vec(proptest::bool::ANY, 0..200)) {
            let (mailbox, mut receiver) = mailbox(8);
            let mut twin = VecDeque::new();
            for (n, push) in steps.into_iter().enumerate() {
                if push {
                    let room = twin.len() < 8;
                    proptest::prop_assert_eq!(mailbox.push(n).is_ok(), room);
                    if room {
                        twin.push_back(n);
                    }
                } else {
                    proptest::prop_assert_eq!(receiver.pop(), twin.pop_front());
                }
            }
        }
    }
}

#[cfg(loom)]
#[test]
fn loom_two_senders_and_a_receiver() {
    loom::model(|| {
        let (mailbox, mut receiver) = mailbox(2);
        let senders: Vec<_> = (0..2)
            .map(|sender| {
                let mailbox = mailbox.clone();
                loom::thread::spawn(move || mailbox.push(sender).is_ok())
            })
            .collect();
        let mut seen = Vec::new();
        seen.extend(receiver.pop());
        for sender in senders {
            assert!(sender.join().unwrap(), "two values fit");
        }
        while let Some(value) = receiver.pop() {
            seen.push(value);
        }
        seen.sort_unstable();
        assert_eq!(seen, [0, 1]);
    });
}

#[cfg(loom)]
struct Bell(loom::sync::Notify);

#[cfg(loom)]
impl std::task::Wake for Bell {
    fn wake(self: std::sync::Arc<Self>) {
        self.0.notify();
    }
}

#[cfg(loom)]
#[test]
fn loom_who_waits_for_room_is_rung() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(|| {
        let (mailbox, mut receiver) = mailbox(2);
        (0..2).for_each(|value| mailbox.push(value).unwrap());
        let sender = loom::thread::spawn(move || {
            let bell = std::sync::Arc::new(Bell(loom::sync::Notify::new()));
            let waker = Waker::from(std::sync::Arc::clone(&bell));
            while mailbox.push(2).is_err() {
                mailbox.wait_for_room(&waker);
                if mailbox.push(2).is_ok() {
                    return;
                }
                bell.0.wait();
            }
        });
        assert_eq!(receiver.drain(1, |value| assert_eq!(value, 0)), 1);
        sender.join().unwrap();
        assert_eq!((receiver.pop(), receiver.pop(), receiver.pop()), (Some(1), Some(2), None));
    });
}

#[cfg(loom)]
#[test]
fn loom_who_waits_for_room_is_rung_at_the_end() {
    loom::model(|| {
        let (mailbox, receiver) = mailbox(2);
        (0..2).for_each(|value| mailbox.push(value).unwrap());
        let sender = loom::thread::spawn(move || {
            let bell = std::sync::Arc::new(Bell(loom::sync::Notify::new()));
            mailbox.wait_for_room(&Waker::from(std::sync::Arc::clone(&bell)));
            if mailbox.push(2).is_err() {
                while !mailbox.discard_if_closed() {
                    bell.0.wait();
                }
            }
        });
        drop(receiver);
        sender.join().unwrap();
    });
}

#[cfg(loom)]
#[test]
fn loom_nothing_stays_in_a_mailbox_whose_receiver_is_gone() {
    loom::model(|| {
        let (mailbox, receiver) = mailbox(2);
        let value = std::sync::Arc::new(());
        let pushed = std::sync::Arc::clone(&value);
        let sender = loom::thread::spawn(move || {
            mailbox.push(pushed).unwrap();
            mailbox.discard_if_closed();
            mailbox
        });
        drop(receiver);
        let mailbox = sender.join().unwrap();
        assert_eq!(std::sync::Arc::strong_count(&value), 1, "while a sender is there");
        drop(mailbox);
    });
}
