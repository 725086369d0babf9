//! How the segments of a region are shared out among its pools. A pure function.
//!
//! Every pool has what it requires. What is left over goes to the pools in proportion to what they
//! could still use, as in Flink's network buffer pool: pool `i` can use `max - required`, but no
//! more than is left over in all. Rounding runs along cumulated sums, so nothing is lost by it.

/// What one pool asks for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Claim {
    /// Segments that must be there.
    pub(super) required: u32,
    /// Segments beyond which more are of no use.
    pub(super) max: u32,
}

/// The quota of each claim, in the same order: between `required` and `max`, together at most
/// `total`. Panics when more is required than there is.
pub(super) fn quotas(total: u32, claims: impl Iterator<Item = Claim> + Clone) -> Vec<u32> {
    let required: u64 = claims.clone().map(|claim| u64::from(claim.required)).sum();
    assert!(required <= u64::from(total), "{required} segments promised of {total}");
    let left = u64::from(total) - required;
    let usable = |claim: Claim| u64::from(claim.max - claim.required).min(left);
    let wanted: u64 = claims.clone().map(usable).sum();
    let given = wanted.min(left);
    let mut wanted_so_far = 0_u64;
    let mut given_so_far = 0;
    claims
        .map(|claim| {
            wanted_so_far += usable(claim);
            // u128: both factors may use all 32 bits, and the sum of claims more.
            let up_to_here = u128::from(given) * u128::from(wanted_so_far);
            let up_to_here = up_to_here.checked_div(u128::from(wanted)).unwrap_or(0) as u64;
            let share = up_to_here - given_so_far;
            given_so_far = up_to_here;
            debug_assert!(share <= usable(claim), "a share beyond what its pool can use");
            claim.required + share as u32
        })
        .collect()
}
