//! Bytes from one side to the other.

use super::*;

#[test]
fn bytes_go_both_ways_and_ends_are_told_apart_from_silence() {
    check(|pair| {
        let [client, server] = pair.connected();
        let sent = pair.one(CLIENT, send(&client, b"hello"));
        assert_eq!(sent.result.unwrap(), 5);
        assert_eq!(sent.gather.unwrap().pieces().collect::<Vec<_>>(), [b"hello"]);
        assert_eq!(pair.receive_all(SERVER, &server, 5), b"hello");
        pair.one(SERVER, send(&server, b"there")).result.unwrap();
        assert_eq!(pair.receive_all(CLIENT, &client, 5), b"there");
        let waiting = pair.submit(SERVER, receive(&server, 10));
        pair.stays_pending(SERVER, waiting);
        // One half ends; the other goes on.
        pair.one(CLIENT, Operation::Shutdown { socket: client.clone() }).result.unwrap();
        assert_eq!(pair.wait(SERVER, waiting).result.unwrap(), 0);
        assert_eq!(pair.one(SERVER, receive(&server, 10)).result.unwrap(), 0);
        pair.one(SERVER, send(&server, b"late")).result.unwrap();
        assert_eq!(pair.receive_all(CLIENT, &client, 4), b"late");
        let refused = error_of(pair.one(CLIENT, send(&client, b"more")));
        assert_eq!(refused.kind(), std::io::ErrorKind::BrokenPipe);
    });
}

#[test]
fn a_receive_fills_its_range_and_nothing_else() {
    check(|pair| {
        let [client, server] = pair.connected();
        let mut memory = Memory::new();
        let mut segment = memory.segment();
        segment.as_mut_slice().fill(7);
        let buffer = IoBuffer::Segment(segment);
        let socket = server.clone();
        let into = pair.submit(SERVER, Operation::Receive { socket, buffer, range: 100..103 });
        pair.one(CLIENT, send(&client, b"abcdef")).result.unwrap();
        let done = pair.wait(SERVER, into);
        let count = done.result.unwrap();
        let Some(IoBuffer::Segment(segment)) = done.buffer else { panic!("what went in") };
        assert!((1..=3).contains(&count));
        assert_eq!(segment.as_slice()[100..100 + count], b"abc"[..count]);
        assert!(segment.as_slice()[..100].iter().all(|byte| *byte == 7));
        assert!(segment.as_slice()[100 + count..].iter().all(|byte| *byte == 7));
        drop(segment);
        memory.all_home();
    });
}

#[test]
fn a_receive_into_several_buffers_fills_one_after_another() {
    check(|pair| {
        let [client, server] = pair.connected();
        let mut memory = Memory::new();
        let mut expected = vec![0; 70_000];
        fill(&mut expected, 0);
        let sending = pair.submit(CLIENT, send(&client, &expected));
        let mut got = Vec::new();
        while got.len() < expected.len() {
            let lens = [100, 5000, 1, 32_768];
            let parts = lens.map(|len| IoPart { buffer: IoBuffer::Segment(memory.segment()), len });
            let socket = server.clone();
            let parts = parts.into();
            let done = pair.one(SERVER, Operation::ReceiveSeveral { socket, parts });
            let mut left = done.result.unwrap();
            assert!(left > 0 && done.buffer.is_none() && done.buffers.len() == lens.len());
            for (buffer, len) in done.buffers.iter().zip(lens) {
                let here = left.min(len);
                got.extend_from_slice(&buffer.as_slice()[..here]);
                left -= here;
            }
            assert_eq!(left, 0);
        }
        assert!(got == expected);
        pair.wait(CLIENT, sending).result.unwrap();
        memory.all_home();
    });
}

#[test]
fn a_send_gathers_headers_and_segments() {
    check(|pair| {
        let [client, server] = pair.connected();
        let mut memory = Memory::new();
        let buffer = memory.filled(0);
        let mut gather = Gather::new();
        let mut expected = Vec::new();
        for piece in 0..120usize {
            let header = format!("<{piece}>");
            gather.push_bytes(header.as_bytes());
            let part = buffer.slice(piece * 10..piece * 200);
            expected.extend_from_slice(header.as_bytes());
            expected.extend_from_slice(&part);
            gather.push_buffer(part);
        }
        assert_eq!(gather.len(), expected.len());
        let sending = pair.submit(CLIENT, Operation::Send { socket: client.clone(), gather });
        assert_eq!(pair.receive_all(SERVER, &server, expected.len()), expected);
        let mut back = pair.wait(CLIENT, sending).gather.unwrap();
        drop(buffer);
        assert_eq!(memory.pool.outstanding(), SegmentCount(1), "the gather holds the segment");
        back.clear();
        assert!(back.is_empty() && back.piece_count() == 0);
        memory.all_home();
    });
}

/// What one side of an echo has done so far.
#[derive(Default)]
struct Progress {
    sending: Option<OperationId>,
    receiving: Option<OperationId>,
    sent: u64,
    received: u64,
}

/// Sends `total` bytes as segments with headers of one byte, and receives as many.
fn echo(pair: &mut Pair, total: u64) {
    let [client, server] = pair.connected();
    let mut memory = Memory::new();
    let (mut near, mut far) = (Progress::default(), Progress::default());
    let mut gather = Some(Gather::new());
    let mut back = Some(Gather::new());
    let mut queue: std::collections::VecDeque<Buffer> = Default::default();
    while near.sent < total || near.received < near.sent {
        // The client sends what comes next, several segments at a time, and takes in what comes back.
        if near.sending.is_none() && near.sent < total && near.sent - near.received < 1_000_000 {
            let mut gather = gather.take().unwrap();
            for _ in 0..4 {
                gather.push_bytes(&[byte_at(near.sent)]);
                let segment = memory.filled(near.sent + 1);
                near.sent += 1 + segment.len() as u64;
                gather.push_buffer(segment);
            }
            near.sending =
                Some(pair.submit(CLIENT, Operation::Send { socket: client.clone(), gather }));
        }
        if near.receiving.is_none() {
            near.receiving = Some(submit_receive(pair, CLIENT, &client, &mut memory));
        }
        // The server sends back what it got, as it got it.
        if far.receiving.is_none() && queue.len() < 16 {
            far.receiving = Some(submit_receive(pair, SERVER, &server, &mut memory));
        }
        if far.sending.is_none() && !queue.is_empty() {
            let mut gather = back.take().unwrap();
            queue.drain(..).for_each(|buffer| gather.push_buffer(buffer));
            far.sending =
                Some(pair.submit(SERVER, Operation::Send { socket: server.clone(), gather }));
        }
        pair.step();
        for (side, progress, home) in
            [(CLIENT, &mut near, &mut gather), (SERVER, &mut far, &mut back)]
        {
            if let Some(done) = progress.sending.and_then(|id| pair.take(side, id)) {
                let mut sent = done.gather.unwrap();
                assert_eq!(done.result.unwrap(), sent.len());
                sent.clear();
                *home = Some(sent);
                progress.sending = None;
            }
            let Some(done) = progress.receiving.and_then(|id| pair.take(side, id)) else {
                continue;
            };
            progress.receiving = None;
            let count = done.result.unwrap();
            let Some(IoBuffer::Segment(segment)) = done.buffer else { panic!("what went in") };
            let buffer = segment.freeze(count);
            for (byte, number) in buffer.iter().zip(progress.received..) {
                assert_eq!(*byte, byte_at(number), "byte {number} on side {side}");
            }
            progress.received += count as u64;
            if side == SERVER {
                queue.push_back(buffer);
            }
        }
    }
    assert_eq!((near.received, far.received), (near.sent, near.sent));
    for (side, socket) in [(CLIENT, &client), (SERVER, &server)] {
        pair.one(side, close(socket, CloseKind::Graceful)).result.unwrap();
    }
    let pending = [(CLIENT, near.receiving), (SERVER, far.receiving)];
    for (side, id) in pending.into_iter().filter_map(|(side, id)| Some((side, id?))) {
        let ended = pair.wait(side, id);
        assert!(!matches!(ended.result, Ok(count) if count > 0));
    }
    drop((gather, back));
    memory.all_home();
}

fn submit_receive(
    pair: &mut Pair,
    side: usize,
    socket: &Socket,
    memory: &mut Memory,
) -> OperationId {
    let segment = memory.segment();
    let range = 0..segment.size();
    let buffer = IoBuffer::Segment(segment);
    pair.submit(side, Operation::Receive { socket: socket.clone(), buffer, range })
}

#[test]
fn a_hundred_megabytes_come_back_as_they_went() {
    check(|pair| {
        let total = if pair.is_simulated() { 10_000_000 } else { 100_000_000 };
        echo(pair, total);
    });
}

#[test]
fn reads_may_be_torn_at_any_byte() {
    check(|pair| {
        let [client, server] = pair.connected();
        let mut expected = vec![0; 3000];
        fill(&mut expected, 0);
        let mut sizes = (1..).map(|round: usize| 1 + round * 7 % 31);
        let mut rest = &expected[..];
        let mut got = Vec::new();
        while !rest.is_empty() {
            let (now, later) = rest.split_at(sizes.next().unwrap().min(rest.len()));
            pair.one(CLIENT, send(&client, now)).result.unwrap();
            rest = later;
            let done = pair.one(SERVER, receive(&server, sizes.next().unwrap()));
            let count = done.result.unwrap();
            got.extend_from_slice(&done.buffer.unwrap().as_slice()[..count]);
        }
        let missing = expected.len() - got.len();
        got.extend(pair.receive_all(SERVER, &server, missing));
        assert!(got == expected);
    });
}

#[test]
fn a_peer_that_does_not_read_holds_the_send_up() {
    check(|pair| {
        let small = SocketOptions {
            send_buffer: Some(16 << 10),
            receive_buffer: Some(16 << 10),
            ..SocketOptions::default()
        };
        let listener = pair.listen(small);
        let [client, server] = pair.connect_with(&listener, small);
        let mut bytes = vec![0; 4 << 20];
        fill(&mut bytes, 0);
        let sending = pair.submit(CLIENT, send(&client, &bytes));
        pair.stays_pending(CLIENT, sending);
        assert!(pair.receive_all(SERVER, &server, bytes.len()) == bytes);
        assert_eq!(pair.wait(CLIENT, sending).result.unwrap(), bytes.len());
    });
}

#[test]
fn zero_copy_sends_end_when_their_memory_is_free() {
    check(|pair| {
        let options = SocketOptions { zero_copy_send: true, ..SocketOptions::default() };
        let listener = pair.listen(options);
        let [client, server] = pair.connect_with(&listener, options);
        let mut memory = Memory::new();
        let mut gather = Gather::new();
        for first in 0..8 {
            gather.push_bytes(b"head");
            gather.push_buffer(memory.filled(first));
        }
        let expected: Vec<u8> = gather.pieces().flatten().copied().collect();
        let sending = pair.submit(CLIENT, Operation::Send { socket: client.clone(), gather });
        assert!(pair.receive_all(SERVER, &server, expected.len()) == expected);
        let done = pair.wait(CLIENT, sending);
        assert_eq!(done.result.unwrap(), expected.len());
        drop(done.gather);
        memory.all_home();
    });
}
