//! A driver that feeds a format in the pieces a test asks for.

use std::ops::{ControlFlow, Range};
use std::path::Path;
use std::sync::Arc;

use super::{FedState, Framing};
use crate::error::ConnectError;

/// How a test cuts its input.
#[derive(Debug, Clone)]
pub(crate) struct Cuts {
    /// Chunk sizes, used in turn.
    pub(crate) chunks: Vec<usize>,
    /// A pause after every so many records.
    pub(crate) pause_every: usize,
}

impl Cuts {
    pub(crate) fn whole() -> Cuts {
        Cuts { chunks: vec![usize::MAX], pause_every: usize::MAX }
    }

    pub(crate) fn of(chunk: usize) -> Cuts {
        Cuts { chunks: vec![chunk], pause_every: 2 }
    }
}

/// The records that `framing` finds in the part `owned` of `content`.
pub(crate) fn records<F>(
    framing: &mut F,
    content: &[u8],
    owned: Range<u64>,
    cuts: &Cuts,
) -> Result<Vec<Vec<u8>>, ConnectError>
where
    F: Framing,
    F::Record: AsRef<[u8]>,
{
    let mut found = Vec::new();
    let mut emit = |record: &F::Record| {
        found.push(record.as_ref().to_vec());
        match found.len() % cuts.pause_every {
            0 => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        }
    };
    let file: Arc<Path> = Path::new("input.txt").into();
    let mut at = usize::try_from(framing.first_byte(owned.start)).unwrap().min(content.len());
    framing.start(&file, owned);
    let mut sizes = cuts.chunks.iter().copied().cycle();
    loop {
        let size = sizes.next().unwrap().max(1).min(content.len() - at);
        let chunk = &content[at..at + size];
        let mut used = 0;
        loop {
            let fed = framing.split(&chunk[used..], &mut emit)?;
            used += fed.consumed;
            match fed.state {
                FedState::Paused => {}
                FedState::NeedInput => break assert_eq!(used, chunk.len(), "all is consumed"),
                FedState::Done => return Ok(found),
            }
        }
        at += size;
        if at == content.len() {
            framing.finish(&mut emit)?;
            return Ok(found);
        }
    }
}
