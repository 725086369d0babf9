//! Tasks that something outside their worker wants to wake.

use brisk_memory::driver::Doorbell;
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Wake, Waker},
};

use crate::task::TaskKey;

/// The tasks of one worker that were woken from outside.
pub(super) struct WakeList {
    any: AtomicBool,
    tasks: Mutex<Vec<TaskKey>>,
    doorbell: Doorbell,
}

impl WakeList {
    pub(super) fn new(doorbell: Doorbell) -> Arc<Self> {
        Arc::new(Self { any: AtomicBool::new(false), tasks: Mutex::default(), doorbell })
    }

    /// A waker of one task; harmless when the task is gone.
    pub(super) fn waker(self: &Arc<Self>, task: TaskKey) -> Waker {
        Waker::from(Arc::new(TaskWaker { task, list: Arc::clone(self) }))
    }

    /// Moves the woken tasks to `out`; one load when there is none.
    pub(super) fn take(&self, out: &mut Vec<TaskKey>) {
        // Acquire: partner of the release in `wake`.
        if self.any.load(Ordering::Acquire) {
            let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            // Relaxed: under the lock, and a wake that follows sets it again.
            self.any.store(false, Ordering::Relaxed);
            out.append(&mut tasks);
        }
    }
}

struct TaskWaker {
    task: TaskKey,
    list: Arc<WakeList>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        {
            let mut tasks = self.list.tasks.lock().unwrap_or_else(PoisonError::into_inner);
            if tasks.contains(&self.task) {
                return;
            }
            tasks.push(self.task);
            // Release: partner of the acquire in `take`.
            self.list.any.store(true, Ordering::Release);
        }
        self.list.doorbell.ring();
    }
}
