//! An operator that counts numbers and sums them up, whatever their order.

use brisk::prelude::*;

/// Emits `(count, sum)` of its subtask's records at the end.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    count: u64,
    sum: u64,
}

impl ProcessFunction<u64> for Tally {
    type Out = (u64, u64);

    fn process(
        &mut self,
        number: u64,
        _: &mut Context<'_>,
        _: &mut Collector<(u64, u64)>,
    ) -> Result<(), BoxError> {
        self.count += 1;
        self.sum = self.sum.wrapping_add(number);
        Ok(())
    }

    fn finish(
        &mut self,
        _: &mut Context<'_>,
        out: &mut Collector<(u64, u64)>,
    ) -> Result<(), BoxError> {
        out.collect((self.count, self.sum));
        Ok(())
    }
}

/// The sum of all subtasks' tallies.
pub(crate) fn total(tallies: impl IntoIterator<Item = (u64, u64)>) -> (u64, u64) {
    let add = |(count, sum): (u64, u64), (more, other): (u64, u64)| {
        (count + more, sum.wrapping_add(other))
    };
    tallies.into_iter().fold((0, 0), add)
}
