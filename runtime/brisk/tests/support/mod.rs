//! What the tests of whole jobs begin and end with.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use brisk::prelude::*;

/// How long segments of a job that is over may be under way between workers.
const RETURN_LIMIT: Duration = Duration::from_secs(5);

pub(crate) fn cluster(settings: &[(&str, &str)], slots: u32) -> Arc<MiniCluster> {
    start(settings, slots).expect("the settings are right")
}

pub(crate) fn start(settings: &[(&str, &str)], slots: u32) -> Result<Arc<MiniCluster>, Error> {
    let mut config = Configuration::new();
    for (key, value) in settings {
        config.set(*key, *value);
    }
    MiniCluster::start(&config, NonZeroU32::new(slots).expect("a cluster has slots"))
}

pub(crate) fn environment(
    cluster: &Arc<MiniCluster>,
    parallelism: u32,
) -> StreamExecutionEnvironment {
    let env = StreamExecutionEnvironment::with_configuration(Configuration::new());
    let env = env.expect("the defaults are right").on_cluster(Arc::clone(cluster));
    env.set_parallelism(parallelism);
    env
}

/// Each segment is back where it belongs: jobs that are over hold none.
pub(crate) fn assert_all_returned(cluster: &MiniCluster) {
    let network = cluster.arena().network();
    let until = Instant::now() + RETURN_LIMIT;
    // What was on its way to a task that is gone comes back with its worker's next turn.
    while network.available() != network.total() && Instant::now() < until {
        std::thread::yield_now();
    }
    assert_eq!(network.available(), network.total(), "held by {:?}", network.holders());
    assert_eq!(network.lent().0, 0);
    cluster.arena().verify_conservation().expect("each segment is in one place");
}
