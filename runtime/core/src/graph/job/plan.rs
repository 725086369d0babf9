//! The job graph as JSON, in the shape of Flink's REST answer (`JobPlanInfo.Plan`), which its
//! dashboard draws.

use serde::Serialize;

use super::id::{JobId, VertexId};
use super::job_graph::{JobGraph, JobVertex};

/// A plan. `serde_json` writes it in the shape of the REST API.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The job.
    pub jid: JobId,
    /// Its name.
    pub name: String,
    /// `STREAMING` or `BATCH`.
    #[serde(rename = "type")]
    pub job_type: &'static str,
    /// The vertices, sinks first.
    pub nodes: Vec<PlanNode>,
}

/// A vertex.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct PlanNode {
    /// Its id.
    pub id: VertexId,
    /// Always empty, as in Flink since its data set API is gone.
    pub operator: &'static str,
    /// Number of subtasks.
    pub parallelism: u32,
    /// Always empty, likewise.
    pub operator_strategy: &'static str,
    /// The chain as HTML, one line for each operator.
    pub description: String,
    /// Always `{}`, likewise.
    pub optimizer_properties: EmptyObject,
    /// Where its records come from; left out for a source.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub inputs: Vec<PlanInput>,
}

/// One stream into a vertex.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub struct PlanInput {
    /// The vertex that sends.
    pub id: VertexId,
    /// Its number among the inputs.
    pub num: u32,
    /// `pipelined_bounded` or `blocking`.
    pub exchange: &'static str,
    /// `HASH`, `REBALANCE`, ...
    pub ship_strategy: &'static str,
}

/// Serializes as `{}`.
#[derive(Serialize, Clone, PartialEq, Eq, Debug, Default)]
pub struct EmptyObject {}

impl Plan {
    /// The plan of a job.
    pub fn build(jid: JobId, job: &JobGraph) -> Plan {
        let nodes = job.vertices().iter().rev().map(|vertex| plan_node(job, vertex)).collect();
        Plan { jid, name: job.name().to_owned(), job_type: job.job_type().name(), nodes }
    }
}

fn plan_node(job: &JobGraph, vertex: &JobVertex) -> PlanNode {
    let inputs = vertex.inputs.iter().zip(0..).map(|(&edge, num)| {
        let edge = job.edge(edge).expect("the input of a vertex is not fused");
        PlanInput {
            id: job.vertex(edge.from).id,
            num,
            exchange: edge.partition_type.name(),
            ship_strategy: edge.exchange.name(),
        }
    });
    PlanNode {
        id: vertex.id,
        operator: "",
        parallelism: vertex.parallelism.0,
        operator_strategy: "",
        description: description(job, vertex),
        optimizer_properties: EmptyObject {},
        inputs: inputs.collect(),
    }
}

/// `head<br/>+- next<br/>   +- last<br/>`: a tree that only ever has one branch.
fn description(job: &JobGraph, vertex: &JobVertex) -> String {
    let mut text = String::new();
    for (depth, &node) in vertex.chain.iter().enumerate() {
        if depth > 0 {
            text.extend(std::iter::repeat_n("   ", depth - 1));
            text.push_str("+- ");
        }
        escape(job.operator_name(node), &mut text);
        text.push_str("<br/>");
    }
    text
}

/// The page shows descriptions as HTML, and names are the program's own text.
fn escape(name: &str, text: &mut String) {
    for character in name.chars() {
        match character {
            '&' => text.push_str("&amp;"),
            '<' => text.push_str("&lt;"),
            '>' => text.push_str("&gt;"),
            '"' => text.push_str("&quot;"),
            '\'' => text.push_str("&#39;"),
            '\\' => text.push_str("&#92;"),
            '\n' => text.push_str("<br/>"),
            other => text.push(other),
        }
    }
}
