//! Brisk: a distributed runtime for stateful stream and batch dataflows.
//!
//! This crate is what programs depend on. It gathers the crates below it; nothing
//! is implemented here.
//!
//! ```
//! use brisk::prelude::*;
//!
//! # fn main() -> Result<(), brisk::Error> {
//! let env = StreamExecutionEnvironment::new()?;
//! let counts = env
//!     .from_collection(["to be or not to be".to_string()])
//!     .flat_map(|line: String, out| out.extend(line.split(' ').map(str::to_string)))
//!     .key_by(text())
//!     .count()
//!     .collect();
//! env.execute("word count")?;
//! assert!(counts.take().contains(&("be".to_string(), 2)));
//! # Ok(())
//! # }
//! ```

pub use brisk_connect as connect;
pub use brisk_core::{
    BoxError, Error, Key, Record, TaskError, api, chain, checkpoint, error, graph, job, record,
    sink, source, state, task, time, worker,
};
pub use brisk_memory as memory;
pub use brisk_network as network;
#[cfg(feature = "rocksdb")]
pub use brisk_rocksdb as rocksdb;
/// What records derive. A program may do without a dependency of its own on it:
///
/// ```
/// use brisk::{prelude::*, rkyv};
///
/// #[derive(Clone, Debug, PartialEq, rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
/// #[rkyv(crate = brisk::rkyv)]
/// struct Click {
///     user: String,
///     at: i64,
/// }
///
/// # fn main() -> Result<(), brisk::Error> {
/// let env = StreamExecutionEnvironment::new()?;
/// let clicks = env.from_collection([Click { user: "ann".to_string(), at: 7 }]).collect();
/// env.execute("clicks")?;
/// assert_eq!(clicks.take(), [Click { user: "ann".to_string(), at: 7 }]);
/// # Ok(())
/// # }
/// ```
pub use rkyv;

/// What most programs need.
pub mod prelude {
    pub use brisk_core::{
        BoxError, Error, Key, Record,
        api::{Arguments, DataStream, KeyedStream, StreamExecutionEnvironment, WindowedStream},
        chain::{
            BroadcastProcessFunction, CoProcessFunction, Collector, KeyedBroadcastProcessFunction,
            KeyedCoProcessFunction, KeyedContext, KeyedOpenContext, KeyedProcessFunction, OneOf,
            ProcessFunction, RichFilterFunction, RichFlatMapFunction, RichMapFunction,
            joins::ProcessJoinFunction, window::ProcessWindowFunction,
        },
        job::{
            JobExecutionResult, JobHandle, LaunchOptions, LaunchedProcesses, Launcher, MiniCluster,
        },
        record::Archived,
        record::selector::{text, viewed},
        sink::channel_sink,
        source::{RateLimit, channel_source},
        state::{
            AggregatingState, Aggregation, BroadcastState, FunctionInitializationContext,
            FunctionSnapshotContext, ListState, MapState, ReducingState, StateTtlConfig, TtlUpdate,
            TtlVisibility, ValueState,
        },
        task::accumulator::{DoubleCounter, Histogram, IntCounter, LongCounter},
        task::{Context, OutputTag, RuntimeContext},
        time::{
            Timestamp, Watermark, WatermarkStrategy,
            window::{
                Fired, TimeWindow,
                assigner::{
                    EventTimeSessionWindows, GlobalWindows, ProcessingTimeSessionWindows,
                    SlidingEventTimeWindows, SlidingProcessingTimeWindows,
                    TumblingEventTimeWindows, TumblingProcessingTimeWindows,
                },
            },
        },
    };
    pub use brisk_memory::config::{Configuration, options::execution::RuntimeMode};
}

#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/joins.md")]
struct Joins;

#[cfg(doctest)]
#[doc = include_str!("../../../docs/state.md")]
struct State;
