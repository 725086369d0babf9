//! Prints everything.

use std::{fmt::Display, io::Write};

use crate::{
    chain::{Sink, SinkContext, SinkWriter},
    error::{Error, TaskError},
    graph::NodeId,
    task::Cx,
    task::flow::{Drive, Flow},
};

/// Bytes that are gathered before they are written, so that lines of parallel
/// subtasks do not cut each other and the lock is taken seldom.
const GATHER_BYTES: usize = 8 << 10;

/// Prints each record on a line of standard output. An output that is closed or
/// full fails the job.
#[derive(Clone, Copy, Debug)]
pub enum PrintSink {
    /// As Flink does: behind the subtask's number when there are several.
    Numbered,
    /// The record alone.
    Plain,
}

impl<T: Display> Sink<T> for PrintSink {
    type Writer = Printer;

    fn open(
        &self,
        _restored: Option<Vec<Vec<u8>>>,
        context: &SinkContext,
        _cx: &mut Cx,
    ) -> Result<Printer, Error> {
        let prefix = match self {
            PrintSink::Numbered if context.parallelism > 1 => format!("{}> ", context.subtask + 1),
            PrintSink::Numbered | PrintSink::Plain => String::new(),
        };
        Ok(Printer { node: context.node, prefix, gathered: Vec::new() })
    }
}

/// A running [`PrintSink`].
#[derive(Debug)]
pub struct Printer {
    node: NodeId,
    prefix: String,
    gathered: Vec<u8>,
}

impl Printer {
    fn print(&mut self, cx: &mut Cx) -> Flow {
        let printed = std::io::stdout().lock().write_all(&self.gathered);
        self.gathered.clear();
        match printed {
            Ok(()) => Flow::Continue,
            Err(cause) => {
                let what = "cannot write to standard output".to_string();
                cx.fail(self.node, TaskError::Io { what, cause })
            }
        }
    }
}

impl<T: Display> SinkWriter<T> for Printer {
    fn write(&mut self, item: T, cx: &mut Cx) -> Flow {
        let written = writeln!(self.gathered, "{}{item}", self.prefix);
        written.expect("writing to memory does not fail");
        if self.gathered.len() < GATHER_BYTES { Flow::Continue } else { self.print(cx) }
    }

    fn flush(&mut self, cx: &mut Cx) -> Flow {
        if self.gathered.is_empty() { Flow::Continue } else { self.print(cx) }
    }

    fn finish(&mut self, cx: &mut Cx) -> Drive {
        self.print(cx).interrupts().unwrap_or(Drive::Ended)
    }

    fn close(&mut self, _cx: &mut Cx) {
        // Of a job that failed or was canceled; what ended it is the error to tell.
        let _ = std::io::stdout().lock().write_all(&self.gathered);
    }
}
