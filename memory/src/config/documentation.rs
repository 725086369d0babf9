//! The page that lists every option, written from the option table itself.

use std::fmt::Write;

use super::options::{self, Topic};

const HEAD: &str = "# Configuration

Brisk reads Flink's configuration: `config.yaml` (nested or flat YAML) or, where there is none,
`flink-conf.yaml` (flat `key: value`) in the folder `FLINK_CONF_DIR`; over it the lines of
`FLINK_PROPERTIES`; over both `-Dkey=value` arguments; over all of them what the program sets itself.
Keys that are not listed here are kept and shown, and have no effect yet; an argument whose key is
nearly one of these is warned of. Values of keys that name a password, secret, token or key are shown
as `******`.

Sizes are whole numbers with an optional unit `b`, `kb`, `mb`, `gb`, `tb` of 1024 each. Durations are
whole numbers with a unit `ns`, `us`, `ms`, `s`, `min`, `h`, `d`, bare milliseconds, or ISO-8601
(`PT10S`). Lists are `a;b` or YAML lists; maps are `k:v,k2:v2` or YAML maps. An older key works and
logs one warning with the new name; when both are set, the new one wins.

A TaskManager needs one of `taskmanager.memory.process.size`, `taskmanager.memory.flink.size`, or both
`taskmanager.memory.task.heap.size` and `taskmanager.memory.managed.size`; all other sizes follow from
it by Flink's formulae, to the byte. A program that runs Brisk inside itself needs none of them: its
network memory is 16 mb for each slot (at least 64 mb, at most 1 gb or an eighth of the machine or
container), its managed memory 2 gb (at most a quarter), and the rest is the program's own. A process
size above the container's limit (cgroup v1 or v2) is refused, and so are network and managed memory
that the machine does not have.

This page is written by a test. After a change of an option, run
`BRISK_REWRITE_DOCS=1 cargo test -p brisk-memory documentation`.
";

/// The text of `docs/configuration.md`.
pub fn render_documentation() -> String {
    let mut page = HEAD.to_owned();
    for topic in options::topics() {
        render_topic(&topic, &mut page);
    }
    page
}

fn render_topic(topic: &Topic, page: &mut String) {
    let _ = write!(
        page,
        "\n## {}\n\n| key | default | takes | older keys |\n|---|---|---|---|\n",
        topic.title
    );
    for option in &topic.options {
        let default = match option.default {
            Some("") => "(empty)".to_owned(),
            Some(text) => format!("`{text}`"),
            None => "(none)".to_owned(),
        };
        let older: Vec<String> =
            option.deprecated.iter().chain(option.fallback).map(|key| format!("`{key}`")).collect();
        let _ = writeln!(
            page,
            "| `{}` | {default} | {} | {} |",
            option.key,
            option.accepted.replace('|', "\\|"),
            older.join(", ")
        );
    }
    page.push('\n');
    for option in &topic.options {
        let _ = writeln!(page, "- `{}` ({}): {}", option.key, option.type_name, option.description);
    }
}
