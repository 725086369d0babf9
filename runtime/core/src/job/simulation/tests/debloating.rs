//! How long barriers wait behind a slow sink, with and without buffer debloating.

use super::*;
use crate::{
    chain::{Sink, SinkContext, SinkWriter},
    error::Error,
    task::{Cx, flow::Flow},
};
use brisk_memory::{SegmentCount, SegmentSize, driver::Instant64};
use brisk_network::DebloatOptions;
use std::{collections::BTreeMap, time::Duration};

use crate::job::simulation::SimulationOptions;

/// Takes a millisecond for a record.
#[derive(Clone)]
struct SlowSink;

struct SlowWriter {
    until: Option<Instant64>,
}

impl Sink<i64> for SlowSink {
    type Writer = SlowWriter;

    fn open(
        &self,
        _: Option<Vec<Vec<u8>>>,
        _: &SinkContext,
        _: &mut Cx,
    ) -> Result<SlowWriter, Error> {
        Ok(SlowWriter { until: None })
    }
}

impl SinkWriter<i64> for SlowWriter {
    fn write(&mut self, _: i64, cx: &mut Cx) -> Flow {
        let until = cx.now() + Duration::from_millis(1);
        self.until = Some(until);
        cx.wake_at(until);
        cx.pause_until_woken()
    }

    fn ready(&mut self, cx: &mut Cx) -> Flow {
        if self.until.is_some_and(|until| until > cx.now()) {
            return cx.pause_until_woken();
        }
        Flow::Continue
    }
}

/// The median duration of aligned checkpoints in milliseconds, the first few left out.
fn median_duration(debloat: Option<DebloatOptions>) -> i64 {
    let world = brisk_memory::driver::SimulatedWorld::from_seed(7);
    let mut options = SimulationOptions::drawn_from(&world);
    options.workers = NonZeroU32::new(2).expect("two");
    options.segment_size = SegmentSize::new(4096).expect("a legal size");
    options.segments = SegmentCount(64);
    options.scarce = false;
    // Buffers are sent when they are full.
    options.buffer_timeout = None;
    options.limits = TurnLimits { quantum_first: 64, quantum_max: 4096, ..options.limits };
    options.quota.per_channel = 2;
    options.quota.floating = 4;
    options.quota.per_channel_max = 10;
    options.quota.debloat = debloat;
    let mut cluster = SimulatedCluster::with_options(7, options).expect("memory for a test");
    let mut env = StreamExecutionEnvironment::new().expect("the default configuration is right");
    env.set_parallelism(1);
    env.set_runtime_mode(RuntimeMode::Streaming);
    env.enable_checkpointing(Duration::from_millis(100));
    env.from_sequence(0..=i64::MAX - 1).rebalance().sink_to(SlowSink);
    let handle = env.submit_to(&mut cluster, "slow").expect("it starts");
    let mut found = BTreeMap::new();
    while found.len() < 20 {
        assert!(cluster.step() && !handle.is_over(), "it goes on");
        for checkpoint in handle.checkpoint_statistics().history {
            if checkpoint.status == "COMPLETED" {
                found.insert(checkpoint.id, checkpoint.end_to_end_duration);
            }
        }
    }
    handle.cancel();
    assert!(cluster.finish(handle).is_err(), "it was canceled");
    let mut durations: Vec<i64> = found.into_values().skip(10).collect();
    durations.sort_unstable();
    durations[durations.len() / 2]
}

#[test]
fn aligned_checkpoints_behind_a_slow_sink_are_faster_with_less_in_flight() {
    let whole = median_duration(None);
    let target = Duration::from_millis(200);
    let debloated = median_duration(Some(DebloatOptions {
        target,
        period: Duration::from_millis(50),
        samples: 5,
        threshold_percent: 25,
        least: 256,
        start: 4096,
    }));
    assert!(whole > 1000, "six segments of 4 KiB hold more than a thousand records: {whole} ms");
    let most = 3 * target.as_millis() as i64 / 2;
    assert!(debloated < most && debloated < whole / 3, "{debloated} ms, not {whole}");
}
