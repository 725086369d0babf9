//! Loopback TCP: bytes per second of bare senders and receivers, one thread each.

use crate::BenchError;
use crate::workload::Scale;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

/// Bytes of one write and of one read.
const CHUNK_BYTES: usize = 256 * 1024;

/// Bytes per second over `streams` connections together.
pub(super) fn bytes_per_second(streams: u64, scale: Scale) -> Result<f64, BenchError> {
    measure(streams, scale).map_err(BenchError::system("measure TCP on the loopback interface"))
}

fn measure(streams: u64, scale: Scale) -> io::Result<f64> {
    let chunks: u64 = match scale {
        Scale::Full => 4_096 / streams,
        Scale::Tiny => 4,
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let address = listener.local_addr()?;
    let mut pairs = Vec::new();
    for _ in 0..streams {
        let sender = TcpStream::connect(address)?;
        pairs.push((sender, listener.accept()?.0));
    }
    let start = Instant::now();
    let received = thread::scope(|scope| {
        let mut receivers = Vec::new();
        for (mut sender, mut receiver) in pairs {
            scope.spawn(move || {
                let chunk = vec![7u8; CHUNK_BYTES];
                // A failed send shows as missing bytes on the other side.
                (0..chunks).try_for_each(|_| sender.write_all(&chunk))
            });
            receivers.push(scope.spawn(move || drain(&mut receiver)));
        }
        receivers
            .into_iter()
            .map(|receiver| receiver.join().expect("receiving doesn't panic"))
            .sum::<io::Result<u64>>()
    })?;
    if received != streams * chunks * CHUNK_BYTES as u64 {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "a stream ended early"));
    }
    Ok(received as f64 / start.elapsed().as_secs_f64())
}

fn drain(receiver: &mut TcpStream) -> io::Result<u64> {
    let mut chunk = vec![0u8; CHUNK_BYTES];
    let mut total = 0;
    loop {
        match receiver.read(&mut chunk)? {
            0 => return Ok(total),
            bytes => total += bytes as u64,
        }
    }
}
