//! Has the producers of a task's gates send buffers of a size that the task reads in time.

use brisk_memory::{SegmentSize, driver::Instant64};
use brisk_network::{BufferLimit, DebloatOptions, Debloater, InputGate, Observed};
use std::{cell::RefCell, rc::Rc, time::Duration};

use crate::task::{SubtaskPlan, inputs::Input};

/// The gates of one task.
pub(super) struct Debloating {
    gates: Vec<DebloatedGate>,
    looked: Instant64,
    /// How long the task had waited for input by then.
    starved: Duration,
}

struct DebloatedGate {
    gate: Rc<RefCell<InputGate>>,
    limit: BufferLimit,
    debloater: Debloater,
    /// Bytes that it had read when it was looked at.
    bytes: u64,
}

fn debloater(options: DebloatOptions, segment: SegmentSize) -> Debloater {
    let most = u32::try_from(segment.bytes()).expect("segments are 1 MiB at most");
    Debloater::new(options, most)
}

/// Sets what the producers of a task begin with; before they start.
pub(super) fn begin(options: DebloatOptions, segment: SegmentSize, plan: &SubtaskPlan) {
    let size = debloater(options, segment).size();
    plan.gates.iter().for_each(|gate| gate.limit.set(size));
}

impl Debloating {
    pub(super) fn new(
        options: DebloatOptions,
        segment: SegmentSize,
        (plan, inputs): (&SubtaskPlan, &[Input]),
        now: Instant64,
    ) -> Self {
        let gates = plan.gates.iter().zip(inputs).map(|(planned, input)| DebloatedGate {
            gate: Rc::clone(&input.gate),
            limit: planned.limit.clone(),
            debloater: debloater(options, segment),
            bytes: 0,
        });
        Self { gates: gates.collect(), looked: now, starved: Duration::ZERO }
    }

    /// A period is over; the task has waited so long for input since it began.
    pub(super) fn look(&mut self, now: Instant64, starved: Duration) {
        let passed = now.saturating_since(self.looked);
        let active = passed.saturating_sub(starved.saturating_sub(self.starved));
        (self.looked, self.starved) = (now, starved);
        for one in &mut self.gates {
            let gate = one.gate.borrow();
            let (stats, channels) = (gate.stats(), gate.channel_count() as u64);
            // With each channel one is open at the producer or in the reader's hands.
            let buffers = u32::try_from(stats.queued + channels).unwrap_or(u32::MAX);
            let observed = Observed { bytes: stats.bytes - one.bytes, active, buffers };
            one.bytes = stats.bytes;
            let (debloater, news) = one.debloater.step(observed);
            one.debloater = debloater;
            if let Some(size) = news {
                one.limit.set(size);
            }
        }
    }
}
