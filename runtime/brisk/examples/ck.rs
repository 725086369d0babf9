//! Ad hoc.
use brisk::chain::{Source, SourceContext, SourceReader};
use brisk::prelude::*;
use brisk::task::Cx;
use brisk::task::flow::{Drive, Push};
use rkyv::{Archive, Deserialize, Serialize};
use std::time::{Duration, Instant};

#[derive(Archive, Serialize, Deserialize, Clone, Debug)]
struct Rec {
    key: u64,
    words: [u64; 11],
    rest: u32,
}
#[derive(Clone, Copy, Archive, Serialize, Deserialize, Debug)]
struct Acc {
    count: u64,
    words: [u64; 12],
}

static SENT: std::sync::atomic::AtomicU64 = std::sync::atomic::AtomicU64::new(0);
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;
fn fmix64(value: u64) -> u64 {
    let mut x = value;
    x ^= x >> 33;
    x = x.wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    x ^= x >> 33;
    x = x.wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    x ^ (x >> 33)
}
#[derive(Clone, Debug)]
struct Src {
    total: u64,
    keys: u64,
}
#[derive(Debug)]
struct Rd {
    state: u64,
    left: u64,
    keys: u64,
    fill: u64,
    step: u64,
}
impl Source for Src {
    type Out = Rec;
    type Reader = Rd;
    type Split = ();
    fn open(&self, _r: Option<Vec<()>>, c: &SourceContext, _cx: &mut Cx) -> Result<Rd, Error> {
        let s: u64 = c.subtask.into();
        let p: u64 = c.parallelism.into();
        Ok(Rd { state: fmix64(s + 1), left: self.total / p, keys: self.keys, fill: s, step: p })
    }
}
impl SourceReader<Rec> for Rd {
    type Split = ();
    fn snapshot(&mut self) -> Vec<()> {
        Vec::new()
    }
    fn drive<S: Push<Rec>>(&mut self, sink: &mut S, cx: &mut Cx) -> Drive {
        let mut budget = cx.quantum() as u64;
        while budget > 0 {
            let batch = budget.min(self.left).min(64);
            if batch == 0 {
                return Drive::Ended;
            }
            let mut sent = 0;
            let mut interrupted = None;
            while sent < batch && interrupted.is_none() {
                let key = if self.fill < self.keys {
                    self.fill += self.step;
                    self.fill - self.step
                } else {
                    self.state = self.state.wrapping_add(GOLDEN);
                    let mut x = self.state;
                    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                    x ^= x >> 31;
                    ((x >> 32) * self.keys) >> 32
                };
                interrupted = sink.push(Rec { key, words: [key; 11], rest: 1 }, cx).interrupts();
                sent += 1;
            }
            self.left -= sent;
            budget -= sent;
            SENT.fetch_add(sent, std::sync::atomic::Ordering::Relaxed);
            cx.metrics.count_emitted(sent);
            if let Some(i) = interrupted {
                return i;
            }
            if cx.interrupted() {
                return Drive::More;
            }
        }
        Drive::More
    }
}
#[derive(Clone)]
struct Agg;
impl Aggregate<Rec, u64> for Agg {
    type Accumulator = Acc;
    type Out = (u64, u64);
    fn first(&self, r: Rec) -> Acc {
        let mut w = [0; 12];
        w[..11].copy_from_slice(&r.words);
        Acc { count: 1, words: w }
    }
    fn add(&self, a: &mut Acc, _r: Rec) {
        a.count += 1;
    }
    fn merge(&self, a: &mut Acc, o: Acc) {
        a.count += o.count;
    }
    fn result(&self, k: u64, a: Acc) -> (u64, u64) {
        (k, a.count)
    }
}
fn main() {
    let a: Vec<String> = std::env::args().collect();
    let keys: u64 = a[1].parse().unwrap();
    let total: u64 = a[2].parse().unwrap();
    let ms: u64 = a[3].parse().unwrap();
    let mut config = Configuration::new();
    config.set("taskmanager.memory.managed.size", a.get(4).map_or("3500 mb", |s| s.as_str()));
    config.set("execution.checkpointing.incremental", "true");
    config.set(
        "execution.checkpointing.dir",
        std::env::var("CKDIR").unwrap_or("/work/cache/segments/ck".into()),
    );
    for kv in a.iter().skip(5) {
        let (k, v) = kv.split_once('=').unwrap();
        config.set(k.to_string(), v.to_string());
    }
    let mut env = StreamExecutionEnvironment::with_configuration(config).unwrap();
    env.set_parallelism(2);
    env.set_runtime_mode(RuntimeMode::Streaming);
    if ms > 0 {
        env.enable_checkpointing(Duration::from_millis(ms));
    }
    env.from_source(Src { total, keys }, "records")
        .key_by(viewed(|r: &Rec| r.key, |r| r.key.to_native()))
        .aggregate(Agg)
        .discard();
    let start = Instant::now();
    let handle = env.execute_async("x").unwrap();
    let mut last = (start.elapsed(), 0u64);
    let mut filled = None;
    let mut rates = Vec::new();
    let mut seen = 0u64;
    while !handle.is_over() {
        std::thread::sleep(Duration::from_millis(100));
        let n = SENT.load(std::sync::atomic::Ordering::Relaxed);
        let now = start.elapsed();
        if n >= keys && filled.is_none() {
            filled = Some((now, n));
        }
        rates.push((n - last.1) as f64 / (now - last.0).as_secs_f64() / 1e6);
        last = (now, n);
        let st = handle.checkpoint_statistics();
        if let Some(c) = st.latest.completed {
            if c.id.0 != seen {
                seen = c.id.0;
                println!("{:.2}s {c:?}", now.as_secs_f64());
            }
        }
        if let Some(c) = st.latest.failed {
            println!("FAILED {c:?}");
        }
    }
    let (t0, n0) = filled.unwrap_or((Duration::ZERO, 0));
    println!("steady {:.3} M/s", (total - n0) as f64 / (start.elapsed() - t0).as_secs_f64() / 1e6);
    let took = start.elapsed();
    let stats = handle.checkpoint_statistics();
    println!("rec/s {:.3} M, took {took:?}", total as f64 / took.as_secs_f64() / 1e6);
    println!("counts {:?}", stats.counts);
    println!(
        "rates {}",
        rates
            .chunks(5)
            .map(|c| format!("{:.1}", c.iter().sum::<f64>() / c.len() as f64))
            .collect::<Vec<_>>()
            .join(" ")
    );
}
