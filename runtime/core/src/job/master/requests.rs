//! Checkpoints and savepoints that users ask for, and the answers.

use std::{
    collections::BTreeMap,
    fmt,
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use crate::{
    checkpoint::coordinator::{Completed, FailureReason, RequestId},
    error::Error,
    job::outcome::Outcome,
};

type Answer = Result<Completed, FailureReason>;

/// The answer to come: a future of where the checkpoint or savepoint is. Dropping it takes nothing
/// back.
pub struct CheckpointAnswer {
    job: String,
    outcome: Arc<Outcome<Answer>>,
}

impl CheckpointAnswer {
    pub(super) fn new(job: &str) -> (Self, Reply) {
        let outcome = Arc::new(Outcome::default());
        (Self { job: job.to_owned(), outcome: Arc::clone(&outcome) }, Reply { outcome })
    }

    fn named(&self, answer: Answer) -> Result<Completed, Error> {
        answer.map_err(|reason| Error::CheckpointFailed { job: self.job.clone(), reason })
    }

    /// Whether it is there.
    pub fn is_ready(&self) -> bool {
        self.outcome.is_set()
    }

    /// Waits for it, blocking this thread. In a simulation nobody would go on meanwhile: step that
    /// until [`CheckpointAnswer::is_ready`].
    ///
    /// # Errors
    /// If the checkpoint or savepoint did not come about; the message says why.
    pub fn wait(self) -> Result<Completed, Error> {
        let answer = self.outcome.wait(None).expect("without a limit the wait ends with a result");
        self.named(answer)
    }
}

impl Future for CheckpointAnswer {
    type Output = Result<Completed, Error>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.outcome.poll(context.waker()).map(|answer| self.named(answer))
    }
}

impl fmt::Debug for CheckpointAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CheckpointAnswer").field("job", &self.job).finish_non_exhaustive()
    }
}

/// Where the answer is put; one that is dropped says that the job is gone.
#[derive(Debug)]
pub(crate) struct Reply {
    outcome: Arc<Outcome<Answer>>,
}

impl Reply {
    fn give(self, answer: Answer) {
        self.outcome.set(answer);
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if !self.outcome.is_set() {
            self.outcome.set(Err(FailureReason::Shutdown));
        }
    }
}

/// Questions under way.
#[derive(Debug, Default)]
pub(super) struct Replies {
    next: u64,
    waiting: BTreeMap<RequestId, Reply>,
}

impl Replies {
    pub(super) fn add(&mut self, reply: Reply) -> RequestId {
        let request = RequestId(self.next);
        self.next += 1;
        self.waiting.insert(request, reply);
        request
    }

    pub(super) fn give(&mut self, request: RequestId, answer: Answer) {
        let reply = self.waiting.remove(&request).expect("each request is answered once");
        reply.give(answer);
    }
}
