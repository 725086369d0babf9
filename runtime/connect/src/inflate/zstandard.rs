//! Zstandard: frames one after another, skippable ones among them. A frame whose window is above
//! 128 MiB (`zstd --ultra --long=28` and more) is refused by the library, with a message that says
//! so; that bounds the decoder's memory.

use std::fmt;
use std::io;

use zstd::stream::raw::{Decoder, Operation};

use super::InflateStep;

pub(super) struct ZstdDecoder {
    decoder: Decoder<'static>,
    /// Whether what was decoded so far ends with a whole frame.
    at_frame_end: bool,
}

impl fmt::Debug for ZstdDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZstdDecoder").field("at_frame_end", &self.at_frame_end).finish()
    }
}

impl ZstdDecoder {
    pub(super) fn new() -> io::Result<ZstdDecoder> {
        Ok(ZstdDecoder { decoder: Decoder::new()?, at_frame_end: false })
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at_frame_end
    }

    pub(super) fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<InflateStep, String> {
        let status =
            self.decoder.run_on_buffers(input, output).map_err(|error| error.to_string())?;
        if status.bytes_read > 0 || status.bytes_written > 0 {
            self.at_frame_end = status.remaining == 0;
        }
        Ok(InflateStep { consumed: status.bytes_read, produced: status.bytes_written })
    }
}
