//! The plane and its turn.

use brisk_memory::driver::{Completion, Driver, Instant64};
use std::{collections::BTreeMap, fmt, time::Duration};

use super::queue::{ControlSender, JobNotice, Notice};
use crate::{
    checkpoint::Millis, graph::JobId, job::master::JobMaster, task::OpenDisk, worker::Turn,
};

/// What [`ControlPlane::new`] needs.
pub(crate) struct PlaneParts {
    /// For its clock and its sleep.
    pub(crate) driver: Driver,
    /// Opens what it reads and writes files with, each time anew.
    pub(crate) open_disk: OpenDisk,
}

/// The control plane: steppable, so that a thread or a simulation may run it.
pub(crate) struct ControlPlane {
    driver: Driver,
    open_disk: OpenDisk,
    notices: ControlSender,
    /// In order, so that a simulation does the same with the same seed.
    masters: BTreeMap<JobId, JobMaster>,
    clock: Clock,
    /// Of the driver, which has none under way.
    completions: Vec<Completion>,
    shutdown: bool,
}

impl ControlPlane {
    pub(crate) fn new(parts: PlaneParts) -> (Self, ControlSender) {
        let PlaneParts { driver, open_disk } = parts;
        let notices = ControlSender::new(driver.doorbell());
        let plane = Self {
            clock: Clock::of(&driver),
            driver,
            open_disk,
            notices: notices.clone(),
            masters: BTreeMap::new(),
            completions: Vec::new(),
            shutdown: false,
        };
        (plane, notices)
    }

    fn now(&self) -> Millis {
        self.clock.at(self.driver.now())
    }

    /// Takes one turn.
    pub(crate) fn turn(&mut self) -> Turn {
        let mut worked = false;
        for notice in self.notices.take() {
            worked = true;
            self.hear(notice);
        }
        worked |= self.work_once();
        worked |= self.wake_masters();
        worked |= self.conclude();
        if worked {
            Turn::Worked
        } else if self.shutdown {
            Turn::Ended
        } else {
            Turn::Idle(self.wakes_at())
        }
    }

    fn hear(&mut self, notice: Notice) {
        let now = self.now();
        match notice {
            Notice::Adopt(mut master) => {
                master.begin(self.driver.now(), now);
                let before = self.masters.insert(master.shared().id, *master);
                assert!(before.is_none(), "job ids are never reused");
            }
            Notice::Of(job, notice) => {
                if let Some(master) = self.masters.get_mut(&job) {
                    master.hear(now, notice);
                }
            }
            Notice::ProcessLost(lost) => {
                for master in self.masters.values_mut() {
                    master.hear(now, JobNotice::ProcessLost(lost.clone()));
                }
            }
            Notice::Shutdown => self.shutdown = true,
        }
    }

    /// One thing of one master.
    fn work_once(&mut self) -> bool {
        // Copies wait for all that somebody waits for.
        let is_wanted = match self.masters.values().any(JobMaster::has_work) {
            true => JobMaster::has_work,
            false => JobMaster::has_copies_to_make,
        };
        let Some(master) = self.masters.values_mut().find(|master| is_wanted(master)) else {
            return false;
        };
        let (clock, driver) = (&self.clock, &self.driver);
        master.work(|| clock.at(driver.now()), &self.open_disk);
        true
    }

    fn wake_masters(&mut self) -> bool {
        let now = self.now();
        let mut worked = false;
        for master in self.masters.values_mut() {
            if master.wakes_at().is_some_and(|at| at <= now) {
                master.tick(now);
                worked = true;
            }
        }
        worked
    }

    fn conclude(&mut self) -> bool {
        let over = |(job, master): (&JobId, &JobMaster)| master.is_over().then_some(*job);
        let over: Vec<JobId> = self.masters.iter().filter_map(over).collect();
        for job in &over {
            let master = self.masters.remove(job).expect("found a moment ago");
            master.conclude(self.driver.now());
        }
        !over.is_empty()
    }

    fn wakes_at(&self) -> Option<Instant64> {
        let next = self.masters.values().filter_map(JobMaster::wakes_at).min()?;
        Some(self.clock.instant(next))
    }

    /// Waits until there may be something to do.
    pub(crate) fn park(&mut self, until: Option<Instant64>) {
        self.driver.park(until, &mut self.completions);
    }

    /// Whether it sleeps until somebody rings or its time comes.
    pub(crate) fn is_parked(&self) -> bool {
        self.driver.is_parked()
    }

    /// The jobs that it runs.
    pub(crate) fn job_count(&self) -> usize {
        self.masters.len()
    }
}

/// The wall clock, read once, and the driver's from there on.
#[derive(Clone, Copy, Debug)]
struct Clock {
    began: Instant64,
    wall: Millis,
}

impl Clock {
    fn of(driver: &Driver) -> Self {
        let wall = Millis(u64::try_from(driver.wall_millis()).unwrap_or(0));
        Self { began: driver.now(), wall }
    }

    fn at(&self, now: Instant64) -> Millis {
        self.wall + now.saturating_since(self.began)
    }

    /// The first instant at which it is `at`.
    fn instant(&self, at: Millis) -> Instant64 {
        self.began + Duration::from_millis(at.0.saturating_sub(self.wall.0))
    }
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlPlane").field("jobs", &self.masters.len()).finish_non_exhaustive()
    }
}
