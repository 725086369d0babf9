//! What a job begins with, and what its tasks are given of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::{
    checkpoint::{
        coordinator::{RestorePoint, RestoreSource},
        restore::{
            Channels, RestoreError, Restored, SubtaskShare, TargetOperator, assign, in_flight,
        },
        storage::{load, local_path},
    },
    error::Error,
    graph::{ExecutionGraph, OperatorId, Subtask},
    job::JobProgram,
    task::{OpenDisk, snapshot::TaskRestore},
};

/// Reads the checkpoint or savepoint that a job's settings name, and checks that it fits the job.
///
/// # Errors
/// If it isn't there, is damaged, or doesn't fit.
pub(crate) fn load_recovery(
    program: &JobProgram,
    execution: &ExecutionGraph,
    open_disk: &OpenDisk,
) -> Result<Option<RestoreSource>, Error> {
    let Some(recovery) = &program.settings.recovery else { return Ok(None) };
    let failed = |cause: Box<dyn std::error::Error + Send + Sync>| Error::Recovery {
        job: program.graph.name().to_owned(),
        path: recovery.path.clone(),
        cause,
    };
    let mut disk = open_disk().map_err(|error| failed(Box::new(error)))?;
    let found = load(&mut disk, &local_path(&recovery.path));
    let found = found.map_err(|error| failed(Box::new(error)))?;
    let source = RestoreSource {
        checkpoint: Arc::new(found.checkpoint),
        location: found.folder.display().to_string(),
        claim: recovery.claim,
    };
    let from = RestorePoint::Checkpoint {
        checkpoint: Arc::clone(&source.checkpoint),
        location: source.location.clone(),
    };
    restore_plans(program, execution, (&from, None))?;
    Ok(Some(source))
}

/// What each task starts from, by task; empty for the beginning. Copies of the checkpoint's files may be
/// in another folder.
///
/// # Errors
/// If the checkpoint doesn't fit the job.
pub(crate) fn restore_plans(
    program: &JobProgram,
    execution: &ExecutionGraph,
    (from, copies): (&RestorePoint, Option<&Path>),
) -> Result<Vec<Arc<TaskRestore>>, Error> {
    let (checkpoint, location) = match from {
        RestorePoint::Beginning => return Ok(Vec::new()),
        RestorePoint::Undecided(id) => unreachable!("checkpoint {id} is waited for"),
        RestorePoint::Checkpoint { checkpoint, location } => (checkpoint, location),
    };
    let restored = assign(checkpoint, &targets(program), program.settings.ignore_unclaimed_state);
    let failed = |cause: RestoreError| Error::Recovery {
        job: program.graph.name().to_owned(),
        path: location.clone(),
        cause: Box::new(cause),
    };
    let restored = restored.map_err(failed)?;
    let channels = Channels { job: &program.graph, graph: execution };
    let mut plans = Vec::with_capacity(execution.task_count());
    for (vertex, known) in program.graph.indexed_vertices() {
        let in_flight = in_flight(checkpoint, channels, vertex).map_err(failed)?;
        for (index, in_flight) in known.parallelism.subtasks().zip(in_flight) {
            let operators = operators_of(program, &restored, Subtask { vertex, index });
            let folder = PathBuf::from(location);
            let copies = copies.map(Path::to_owned);
            plans.push(Arc::new(TaskRestore { folder, copies, operators, in_flight }));
        }
    }
    assert_eq!(plans.len(), execution.task_count(), "tasks are numbered vertex by vertex");
    Ok(plans)
}

fn targets(program: &JobProgram) -> Vec<TargetOperator> {
    let operators = program.graph.vertices().iter().flat_map(|vertex| {
        vertex.chain.iter().map(|node| TargetOperator {
            id: program.graph.operator_id(*node),
            parallelism: vertex.parallelism,
            max_parallelism: vertex.max_parallelism,
        })
    });
    operators.collect()
}

fn operators_of(
    program: &JobProgram,
    restored: &Restored,
    subtask: Subtask,
) -> BTreeMap<OperatorId, SubtaskShare> {
    let chain = &program.graph.vertex(subtask.vertex).chain;
    let ids = chain.iter().map(|node| program.graph.operator_id(*node));
    let operators = ids.filter_map(|id| {
        let operator = restored.operators.get(&id)?;
        Some((id, operator.subtasks[subtask.index.0 as usize].clone()))
    });
    operators.collect()
}
