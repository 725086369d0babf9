//! Golden values: `bench/README.md` gives the same ones, and so must every port.

use super::*;

fn check_keys(subtask: u64, expected: [u64; 5]) {
    let mut keys = Keys::new(subtask);
    assert_eq!([(); 5].map(|()| keys.next_key()), expected, "source subtask {subtask}");
}

#[test]
fn keys_are_the_documented_ones() {
    check_keys(0, [161_207, 618_740, 237_631, 191_676, 988_442]);
    check_keys(1, [952_797, 891_365, 195_729, 598_843, 703_202]);
}

#[test]
fn bids_are_the_documented_ones() {
    let mut bids = Bids::new(0, 2);
    let auctions = [(); 5].map(|()| bids.next_bid().0);
    assert_eq!(auctions, [16_120, 61_874, 23_763, 19_167, 98_844]);
    let (_, price, time) = (0..1_000).map(|_| bids.next_bid()).last().expect("bids don't end");
    assert_eq!(time, 2, "bid 1,004 of one of two sources");
    assert!(price < 1 << 20);
}

#[test]
fn keys_are_uniform_enough() {
    let mut tenths = [0u32; 10];
    let mut keys = Keys::new(3);
    for _ in 0..100_000 {
        tenths[(keys.next_key() * 10 / KEYS) as usize] += 1;
    }
    assert!(tenths.iter().all(|count| (9_500..10_500).contains(count)), "{tenths:?}");
}

#[test]
fn the_hash_is_the_documented_one() {
    let hashes = [1, 2, 42].map(fmix64);
    assert_eq!(hashes, [0xb456_bcfc_34c2_cb2c, 0x3abf_2a20_6506_83e7, 0x8108_7960_8e42_59cc]);
}

#[test]
fn chain_steps_are_the_documented_ones() {
    assert_eq!(chain_first(2), 0x3c6e_f372_fe94_f82a);
    assert_eq!(chain_second(chain_first(2)), 0x3c6e_f372_c2fa_0b58);
    let kept = (0..80_000).filter(|value| chain_keep(chain_first(*value))).count();
    assert!((69_000..71_000).contains(&kept), "seven of eight pass, here {kept} of 80,000");
}

#[test]
fn shares_add_up() {
    for total in [0, 1, 2, 7, 1_000_003] {
        for parallelism in 1..=7 {
            let shares = (0..parallelism).map(|subtask| share(total, subtask, parallelism));
            assert_eq!(shares.sum::<u64>(), total, "{total} over {parallelism}");
        }
    }
}
