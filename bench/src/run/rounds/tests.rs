use super::*;
use crate::workload;

const PEERS: [Peer; 2] = [Peer::Flink, Peer::Timely];

#[test]
fn every_goal_is_about_figures_that_a_run_has() {
    for workload in workload::ALL {
        let all = workload.taking_part(&PEERS, Breadth::Goals);
        let has = |system: System, metric: &str| {
            let of = |contender: &&Contender| contender.system == system;
            all.iter().filter(of).any(|own| own.metric(workload.rate_metric) == metric)
        };
        for goal in workload.goals {
            let figure = goal.figure().map(|figure| (figure.system, figure.metric));
            for (system, metric) in figure.into_iter().chain([(System::Brisk, goal.metric)]) {
                // Further figures are known to the jobs alone.
                let is_rate = metric.starts_with(workload.rate_metric);
                assert!(!is_rate || has(system, metric), "{workload}: {goal}");
            }
        }
    }
}

#[test]
fn no_two_contenders_share_a_metric() {
    for workload in workload::ALL {
        let all = workload.taking_part(&PEERS, Breadth::Everything);
        for (at, one) in all.iter().enumerate() {
            for other in &all[at + 1..] {
                let same = one.system == other.system && one.metric("") == other.metric("");
                assert!(!same, "{workload}: {one} and {other}");
            }
        }
    }
}

#[test]
fn names_of_workloads_are_read_back() {
    for workload in workload::ALL {
        assert_eq!(Workload::of_name(workload.name).unwrap(), workload);
    }
    let error = Workload::of_name("sort").unwrap_err().to_string();
    assert!(error.contains("wordcount") && error.contains("chain-cut"), "{error}");
}

#[test]
fn without_peers_there_are_brisk_and_the_floor() {
    for workload in workload::ALL {
        let all = workload.taking_part(&[], Breadth::Everything);
        assert!(all.iter().any(|own| own.system == System::Brisk));
        assert!(all.iter().all(|own| matches!(own.system, System::Brisk | System::Floor)));
    }
}

#[test]
fn values_of_a_metric_are_gathered() {
    let mut results =
        Results { workload: workload::ALL[0], series: Vec::new(), failures: Vec::new() };
    for value in [3.0, 1.0, 2.0] {
        results.add(System::Brisk, "records_per_second".to_owned(), value);
        results.add(System::Brisk, "cpu_seconds".to_owned(), 10.0 * value);
    }
    assert_eq!(results.series.len(), 2);
    let summary = results.summary(System::Brisk, "cpu_seconds").unwrap();
    assert_eq!((summary.median, summary.runs), (20.0, 3));
    assert_eq!(results.summary(System::Floor, "cpu_seconds"), None);
}
