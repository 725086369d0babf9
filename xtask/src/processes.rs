//! The tree of processes below a child, read from /proc: to say what hangs, and to end it.
//!
//! The tree is followed by parent ids and not by a process group, so that Ctrl-C in a terminal
//! still reaches everything that was started. A process that detached itself from its parent
//! is not found, and so not ended.

use std::fs;
use std::process::Command;

/// One process below the child.
#[derive(Debug)]
pub(crate) struct Process {
    /// Its process id.
    pub(crate) id: u32,
    /// Its program and arguments, shortened.
    pub(crate) command: String,
}

/// The process `root` and everything below it, parents before children.
pub(crate) fn tree(root: u32) -> Vec<Process> {
    let parents = parents();
    let mut ids = vec![root];
    let mut next = 0;
    while next < ids.len() {
        let parent = ids[next];
        ids.extend(parents.iter().filter(|(_, p)| *p == parent).map(|(id, _)| *id));
        next += 1;
    }
    ids.into_iter().map(|id| Process { id, command: command_line(id) }).collect()
}

/// Ends the whole tree below `root`, the root included.
pub(crate) fn kill_tree(root: u32) {
    // A process may start another between the look and the kill: look until no new one is left.
    for _ in 0..5 {
        let ids: Vec<String> = tree(root)
            .into_iter()
            .filter(|process| !process.command.is_empty())
            .map(|process| process.id.to_string())
            .collect();
        if ids.is_empty() {
            return;
        }
        let script = format!("kill -KILL {} 2>/dev/null", ids.join(" "));
        // A process that is gone already makes kill fail; the next look is what counts.
        let _ = Command::new("sh").arg("-c").arg(script).status();
    }
}

/// What each thread of a process is doing: `name state wait-channel`, equal ones counted.
pub(crate) fn threads(id: u32) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let Ok(tasks) = fs::read_dir(format!("/proc/{id}/task")) else {
        return lines;
    };
    for task in tasks.flatten() {
        let folder = task.path();
        let stat = fs::read_to_string(folder.join("stat")).unwrap_or_default();
        let Some((_, name, state, _)) = parse_stat(&stat) else {
            continue;
        };
        let place = fs::read_to_string(folder.join("wchan")).unwrap_or_default();
        let place = if place.is_empty() || place == "0" { "on a core or ready" } else { &place };
        lines.push(format!("{name} ({state}, {place})"));
    }
    lines.sort();
    lines.dedup();
    lines
}

fn parents() -> Vec<(u32, u32)> {
    let Ok(entries) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter_map(|entry| {
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let (id, _, _, parent) = parse_stat(&stat)?;
            Some((id, parent))
        })
        .collect()
}

/// The fields `pid (name) state ppid` of a stat line; a name may itself hold blanks and brackets.
fn parse_stat(line: &str) -> Option<(u32, &str, char, u32)> {
    let (id, rest) = line.split_once(" (")?;
    let (name, rest) = rest.rsplit_once(") ")?;
    let mut fields = rest.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((id.parse().ok()?, name, state, fields.next()?.parse().ok()?))
}

fn command_line(id: u32) -> String {
    let raw = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&raw).replace('\0', " ");
    text.trim().chars().take(200).collect()
}

#[cfg(test)]
mod tests;
