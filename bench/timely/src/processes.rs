//! Two processes that exchange over TCP on the loopback interface: this one and another of the same
//! program.

use crate::keyed;
use std::env;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};
use timely::{CommunicationConfig, Config};

/// The addresses of all processes, for one that was started by another.
const ADDRESSES: &str = "BRISK_BENCH_TIMELY_ADDRESSES";

/// Runs a workload; the first process adds up what both found.
pub(crate) fn run(workload: &str, records: u64) -> String {
    if let Ok(addresses) = env::var(ADDRESSES) {
        let addresses = addresses.split(',').map(str::to_owned).collect();
        return take_part(workload, records, (1, addresses));
    }
    // Both ports are free at the same time, so they differ.
    let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("there is a free port");
    let addresses: Vec<String> = [free(), free()]
        .iter()
        .map(|free| free.local_addr().expect("it has an address").to_string())
        .collect();
    let program = env::current_exe().expect("a process knows its file");
    let other = Command::new(program)
        .args([workload, &records.to_string()])
        .env(ADDRESSES, addresses.join(","))
        .stdout(Stdio::piped())
        .spawn()
        .expect("it can be started again");
    let own = take_part(workload, records, (0, addresses));
    let output = other.wait_with_output().expect("it is our child");
    let other = String::from_utf8(output.stdout).expect("it prints text");
    together(&own, other.lines().last().unwrap_or_default())
}

fn take_part(workload: &str, records: u64, (process, addresses): (usize, Vec<String>)) -> String {
    let (report, zerocopy, threads) = (false, false, 1);
    let communication =
        CommunicationConfig::Cluster { threads, process, addresses, report, zerocopy };
    let config = Config { communication, worker: timely::WorkerConfig::default() };
    match workload {
        "exchange-tcp" => keyed::exchange(config, records),
        _ => keyed::keyed_count(config, records),
    }
}

/// The measurement of both, of lines that `report.rs` made.
fn together(own: &str, other: &str) -> String {
    let text = |line: &str, key: &str| -> String {
        let after = line.split(&format!("\"{key}\":")).nth(1).expect("a measurement has it");
        after.trim_matches('"').chars().take_while(|char| !",}\"".contains(*char)).collect()
    };
    let number =
        |line: &str, key: &str| text(line, key).parse::<f64>().expect("a measurement has numbers");
    let check = |line: &str| {
        let digits = text(line, "check");
        u64::from_str_radix(&digits, 16).expect("a check value is hexadecimal")
    };
    let sum = |key: &str| number(own, key) + number(other, key);
    let check = check(own).wrapping_add(check(other));
    format!(
        r#"{{"seconds":{},"records":{},"cpu_seconds":{},"peak_rss_bytes":{},"check":"{check:016x}","figures":{{}}}}"#,
        number(own, "seconds").max(number(other, "seconds")),
        sum("records") as u64,
        sum("cpu_seconds"),
        sum("peak_rss_bytes") as u64,
    )
}
