//! Blocks that come and go one by one.

use super::*;

const OWNER: &str = "job/task 1";

impl Task {
    fn slots(&self) -> SpillSlots {
        SpillSlots::new(self.area.clone(), OWNER.to_owned(), SEGMENT)
    }

    fn only(&mut self, operation: Operation) -> Completion {
        let id = self.driver.submit(operation);
        let mut ended = self.wait();
        assert!(ended.len() == 1 && ended[0].id == id);
        ended.remove(0)
    }

    fn put(&mut self, slots: &mut SpillSlots, byte: u8) -> Result<SpillSlot, SpillError> {
        let mut slot = slots.take()?;
        let block = IoBuffer::Heap(AlignedBytes::copy_of(&vec![byte; SEGMENT]));
        let mut ended = self.only(slot.write(block));
        slot.written(&mut ended)?;
        Ok(slot)
    }

    fn get(&mut self, slot: &SpillSlot) -> Result<u8, SpillError> {
        let into = IoBuffer::Segment(self.segment());
        let ended = self.only(slot.read(into));
        let block = slot.arrived(ended)?;
        let bytes = block.as_slice();
        assert!(bytes.len() == SEGMENT && bytes.iter().all(|byte| *byte == bytes[0]));
        Ok(bytes[0])
    }
}

#[test]
fn places_are_used_again() {
    check(
        |_| {},
        |task| {
            let mut slots = task.slots();
            let mut held: Vec<(u8, SpillSlot)> = Vec::new();
            for byte in 0..100 {
                let slot = task.put(&mut slots, byte).unwrap();
                held.push((byte, slot));
                if held.len() > 10 {
                    held.swap_remove(usize::from(byte) * 7 % 10);
                }
            }
            for (byte, slot) in &held {
                assert_eq!(task.get(slot).unwrap(), *byte);
            }
            assert_eq!(slots.files(), 1);
            assert!(task.area.used() <= 11 * SEGMENT as u64, "{}", task.area.used());
            drop(slots);
            // What is held can still be read.
            assert_eq!(task.get(&held[3].1).unwrap(), held[3].0);
        },
    );
}

#[test]
fn a_place_that_is_damaged_is_named() {
    check(
        |_| {},
        |task| {
            let mut slots = task.slots();
            let (good, bad) = (task.put(&mut slots, 1).unwrap(), task.put(&mut slots, 2).unwrap());
            let options = OpenOptions { write: true, ..OpenOptions::READ };
            let raw = task.driver.files().open(bad.path(), options).unwrap();
            let (offset, buffer) = (SEGMENT as u64 + 77, AlignedBytes::copy_of(&[0x55]));
            let buffer = IoBuffer::Heap(buffer);
            task.only(Operation::Write { file: raw, offset, buffer, len: 1 });
            assert_eq!(task.get(&good).unwrap(), 1);
            let message = task.get(&bad).unwrap_err().to_string();
            let expected = format!("{} is damaged at {SEGMENT}", bad.path().display());
            assert!(message.contains(&expected) && message.contains(OWNER), "{message}");
            assert!(message.contains("io.tmp.dirs"), "{message}");
        },
    );
}

#[test]
fn directories_take_turns_and_keep_their_quotas() {
    let real = real_folder();
    let folders = ["one", "two"].map(|name| real.path().join(name));
    let mut task = Task::new(DriverKind::Auto, real.path(), |options| {
        options.directories = folders.to_vec();
        options.quota = Some(3 * SEGMENT as u64);
    })
    .unwrap();
    let mut slots = task.slots();
    let held: Vec<SpillSlot> = (0..6).map(|byte| task.put(&mut slots, byte).unwrap()).collect();
    for folder in &folders {
        let count = held.iter().filter(|slot| slot.path().starts_with(folder)).count();
        assert_eq!(count, 3, "{}", folder.display());
    }
    let message = task.put(&mut slots, 7).unwrap_err().to_string();
    assert!(message.contains("io.tmp.quota") && message.contains(OWNER), "{message}");
    // One that is given up is there for another.
    drop(held);
    task.put(&mut slots, 8).unwrap();
    drop(slots);
    assert_eq!(task.area.used(), 0);
    task.drain();
    let files = task.driver.files().clone();
    drop(task);
    for folder in &folders {
        assert_eq!(files.list(folder).unwrap(), Vec::<PathBuf>::new(), "all files removed");
    }
}
