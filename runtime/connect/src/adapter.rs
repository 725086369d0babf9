//! How errors of connectors become errors of tasks.

use brisk_core::chain::SourceContext;
use brisk_core::error::{Error, TaskError};
use brisk_core::task::Cx;

/// Why the task failed.
pub(crate) fn task_error(error: impl std::error::Error + Send + Sync + 'static) -> TaskError {
    TaskError::Function(Box::new(error))
}

/// Why a source or sink could not be opened.
pub(crate) fn open_error(
    context: &SourceContext,
    cx: &Cx,
    error: impl std::error::Error + Send + Sync + 'static,
) -> Error {
    Error::Task {
        job: cx.plan().job.to_string(),
        operator: context.operator.clone(),
        subtask: context.subtask + 1,
        parallelism: context.parallelism,
        cause: task_error(error),
    }
}
