//! The examples that read logs, on small real ones.

use crate::example::{example, run};
use std::fs;

/// Entries as log shippers send them, the first one of which this example was made for.
const SLOW_QUERIES: &str = "\
# Time: 2022-04-13T04:00:02.179540Z|# User@Host: root[root] @ localhost []  Id: 35408|# Query_time: 0.003405  Lock_time: 0.001458 Rows_sent: 0  Rows_examined: 159|SET timestamp=1649822402;|SELECT 1 FROM dual; --k8s\u{6d4b}\u{8bd5}
# Time: 2022-04-13T04:00:31.000001Z|# User@Host: root[root] @ localhost []  Id: 35408|# Query_time: 1.250000  Lock_time: 0.000002 Rows_sent: 3  Rows_examined: 20000|use shop;|SET timestamp=1649822431;|SELECT name FROM goods WHERE kind = 'a|b';
# Time: 2022-04-13T12:00:07.500000+08:00|# User@Host: report[report] @  [10.0.0.7]  Id: 8|# Query_time: 12.000000  Lock_time: 0.000100 Rows_sent: 10  Rows_examined: 5000000|SET timestamp=1649822407;|SELECT kind, COUNT(*) FROM goods GROUP BY kind;
/usr/sbin/mysqld, Version: 8.0.28 (MySQL Community Server - GPL). started with:
# Time: 2022-04-13T04:01:00.000000Z|# User@Host: root[root] @ localhost []  Id: 35409|# Query_time: 0.500000  Lock_time: 0.000000 Rows_sent: 1  Rows_examined: 1|SET timestamp=1649822460;|DO SLEEP(0.5);
";

#[test]
fn slow_queries_are_summed_up_by_account_and_minute() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("mysql-slow.log");
    fs::write(&log, SLOW_QUERIES).unwrap();
    for parallelism in ["1", "3"] {
        let mut command = example("slow_query_log");
        let ended = run(command.arg("--input").arg(&log).args(["--parallelism", parallelism]));
        assert_eq!(ended.code, 0, "{ended:?}");
        let mut rows: Vec<&str> = ended.stdout.lines().collect();
        rows.sort_unstable();
        assert_eq!(
            rows,
            [
                "1649822400000 1649822460000 report 10.0.0.7 1 12.000000 12.000000 5000000 \
                 SELECT kind, COUNT(*) FROM goods GROUP BY kind;",
                "1649822400000 1649822460000 root localhost 2 1.253405 1.250000 20159 \
                 SELECT name FROM goods WHERE kind = 'a|b';",
                "1649822460000 1649822520000 root localhost 1 0.500000 0.500000 1 DO SLEEP(0.5);",
            ]
        );
        assert_eq!(ended.stderr, "note: 1 lines that are no entries\n");
    }
}

/// The first line is the example of Apache's documentation.
const REQUESTS: &str = r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326
10.1.1.4 - - [10/Oct/2000:13:55:40 -0700] "GET / HTTP/1.1" 200 512 "-" "Mozilla/4.08 [en] (Win98; I ;Nav)"
127.0.0.1 - frank [10/Oct/2000:14:20:00 -0700] "POST /order HTTP/1.0" 500 -
this is no request
10.1.1.4 - - [10/Oct/2000:14:30:00 -0700] "GET /news HTTP/1.1" 304 -
10.1.1.4 - - [10/Oct/2000:20:55:38 +0000] "GET /style.css HTTP/1.1" 200 88
127.0.0.1 - - [29/Feb/2000:00:00:00 +0000] "GET /old HTTP/1.0" 200 1
127.0.0.1 - - [30/Feb/2000:00:00:00 +0000] "GET /never HTTP/1.0" 200 1
"#;

#[test]
fn requests_become_visits() {
    let folder = tempfile::tempdir().unwrap();
    let (log, output) = (folder.path().join("access.log"), folder.path().join("visits"));
    fs::write(&log, REQUESTS).unwrap();
    let mut command = example("sessions");
    command.arg("--input").arg(&log).arg("--output").arg(&output).args(["--parallelism", "2"]);
    let ended = run(command.args(["--late-seconds", "3600"]));
    assert_eq!(ended.code, 0, "{ended:?}");
    let parts = fs::read_dir(&output).unwrap().map(|part| part.unwrap().path());
    let text: String = parts.map(|part| fs::read_to_string(part).unwrap()).collect();
    let mut rows: Vec<&str> = text.lines().collect();
    rows.sort_unstable();
    let mut expected = vec![
        "10.1.1.4 971211338000 971211340000 2 0 600 /style.css /",
        "10.1.1.4 971213400000 971213400000 1 0 0 /news /news",
        "127.0.0.1 971211336000 971212800000 2 1 2326 /apache_pb.gif /order",
    ];
    // Whether a watermark came before it, which goes by the clock, decides if it is late.
    let is_late = ended.stderr.contains("1 requests that came too late");
    if !is_late {
        expected.push("127.0.0.1 951782400000 951782400000 1 0 1 /old /old");
    }
    expected.sort_unstable();
    assert_eq!(rows, expected);
    assert!(ended.stderr.contains("2 lines that are no requests"), "{}", ended.stderr);
}
