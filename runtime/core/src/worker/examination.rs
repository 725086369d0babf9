//! What whoever steps a worker may see of it between turns.

use std::fmt::Write;

use super::Worker;

impl Worker {
    /// Whether the worker sleeps until somebody rings or its time comes.
    pub fn is_parked(&self) -> bool {
        self.io.driver.borrow().is_parked()
    }

    /// Checks its gates; linear in what they hold.
    ///
    /// # Panics
    /// If one is not as it should be.
    pub fn verify_invariants(&self) {
        for gate in self.surroundings.gates.borrow().values() {
            gate.borrow().verify_invariants();
        }
        for key in &self.blocked {
            assert!(self.tasks.contains_key(key), "{key:?} is blocked and gone");
        }
    }

    /// What is left of jobs, one line each: tasks and what they wait for, gates, ways
    /// to other workers. Empty when no job has a trace here.
    pub fn remains(&self) -> String {
        let mut text = String::new();
        let gates = self.surroundings.gates.borrow();
        for (key, task) in &self.tasks {
            let of_task = task.plan.gates.iter().filter_map(|gate| gates.get(&gate.address));
            let input = of_task.filter(|gate| gate.borrow().has_input()).count();
            let (name, waits) = (task.plan.display_name(), task.rest);
            let blocked = self.blocked.contains(key);
            let _ = writeln!(
                text,
                "task {name}: {waits:?}, gates with input: {input} of {}, in line for room: \
                 {blocked}",
                task.plan.gates.len()
            );
        }
        for (job, (_, tasks)) in &self.deployed {
            let _ = writeln!(text, "{job:?}: {} tasks deployed and not started", tasks.len());
        }
        let owned = self.tasks.values().map(|task| task.plan.gates.len());
        let deployed = self.deployed.values().flat_map(|(_, tasks)| tasks);
        let owned = owned.chain(deployed.map(|task| task.plan.gates.len())).sum::<usize>();
        if gates.len() != owned {
            let _ = writeln!(text, "{} gates, but {owned} of tasks", gates.len());
        }
        let peers = self.surroundings.peers.borrow();
        for (worker, peer) in peers.iter().filter(|_| self.tasks.is_empty()) {
            let _ = writeln!(text, "a way to worker {}: {peer:?}", worker.0);
        }
        for owner in self.io.owners.borrow().values().filter(|_| self.tasks.is_empty()) {
            let _ = writeln!(text, "an operation of {owner:?}");
        }
        text
    }

    /// Takes the first or the last delivery out of the mailbox as if it had been lost on
    /// its way; whether there was one, and whether the job can't do without it.
    #[cfg(test)]
    pub(crate) fn lose_delivery(&mut self, first: bool) -> Option<bool> {
        let mut mail = std::collections::VecDeque::new();
        self.inbox.drain(usize::MAX, |delivery| mail.push_back(delivery));
        let lost = if first { mail.pop_front() } else { mail.pop_back() };
        mail.into_iter().for_each(|delivery| self.surroundings.deliver(delivery));
        Some(match lost?.item {
            // The last one may hold nothing but the end of time.
            brisk_network::Item::Buffer(buffer) => brisk_network::frame::record_count(&buffer) > 0,
            brisk_network::Item::Event(_) => true,
        })
    }
}
