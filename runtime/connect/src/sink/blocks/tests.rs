use proptest::prelude::*;

use super::*;

impl BlockMemory for Vec<u8> {
    fn zeroed(length: usize) -> Vec<u8> {
        vec![0; length]
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }
}

/// Writes lines of these lengths to a file in memory; writes end when `order` says so.
fn check(lengths: &[usize], mut order: u64) {
    let mut blocks: Blocks<Vec<u8>> = Blocks::new();
    let mut file = Vec::new();
    let mut expected = Vec::new();
    let mut under_way: Vec<(WriteAsk, Vec<u8>)> = Vec::new();
    let mut lines = lengths.iter().enumerate();
    loop {
        order = order.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let mut at_end = false;
        if blocks.has_room() && order >> 62 != 0 {
            match lines.next() {
                Some((i, length)) => {
                    let line: Vec<u8> = (0..*length).map(|at| (at * 7 + i) as u8).collect();
                    blocks.push(&line);
                    expected.extend(line);
                }
                None => at_end = true,
            }
        }
        while let Some(write) = blocks.ask(at_end) {
            under_way.push(write);
        }
        assert!(under_way.len() <= WRITE_BLOCKS);
        if !under_way.is_empty()
            && ((order >> 40).is_multiple_of(2) || !blocks.has_room() || at_end)
        {
            let (ask, memory) = under_way.swap_remove((order >> 33) as usize % under_way.len());
            let end = ask.offset as usize + ask.length;
            file.resize(file.len().max(end), 0);
            file[ask.offset as usize..end].copy_from_slice(&memory[..ask.length]);
            blocks.complete(ask.block, memory);
        }
        if at_end && blocks.is_written() {
            break;
        }
    }
    assert!(file == expected);
}

#[test]
fn lines_at_and_above_the_size_of_a_block() {
    for order in 0..20 {
        check(&[], order);
        check(&[WRITE_BLOCK], order);
        check(&[WRITE_BLOCK - 1, 1, 1], order);
        check(&[10, WRITE_BLOCK * 5 + 3, 10], order);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn any_lines(lengths in proptest::collection::vec(0usize..WRITE_BLOCK, 0..20), order in any::<u64>()) {
        check(&lengths, order);
    }
}
