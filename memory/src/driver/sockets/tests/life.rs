//! How connections come about and end.

use std::io::ErrorKind;

use super::*;

#[test]
fn a_reset_is_no_end() {
    check(|pair| {
        let [client, server] = pair.connected();
        let waiting = pair.submit(CLIENT, receive(&client, 10));
        pair.one(SERVER, close(&server, CloseKind::Reset)).result.unwrap();
        let reset = error_of(pair.wait(CLIENT, waiting));
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
        let message = reset.to_string();
        let named = format!("receiving from {}: ", client.peer());
        assert!(message.starts_with(&named), "{message}");
        let broken = error_of(pair.one(CLIENT, send(&client, b"x")));
        assert_eq!(broken.kind(), ErrorKind::BrokenPipe);
        let named = format!("sending 1 bytes to {} (0 are sent): ", client.peer());
        assert!(broken.to_string().starts_with(&named), "{broken}");
        // The system tells an error once, and then shows an end.
        let again = error_of(pair.one(CLIENT, receive(&client, 10)));
        assert_eq!(again.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn what_was_sent_before_a_graceful_close_arrives() {
    check(|pair| {
        let [client, server] = pair.connected();
        pair.one(CLIENT, send(&client, b"last words")).result.unwrap();
        pair.one(CLIENT, close(&client, CloseKind::Graceful)).result.unwrap();
        drop(client);
        assert_eq!(pair.receive_all(SERVER, &server, 10), b"last words");
        assert_eq!(pair.one(SERVER, receive(&server, 10)).result.unwrap(), 0);
    });
}

#[test]
fn handles_that_are_dropped_end_the_connection() {
    check(|pair| {
        let [client, server] = pair.connected();
        let waiting = pair.submit(SERVER, receive(&server, 10));
        pair.stays_pending(SERVER, waiting);
        drop(client);
        assert_eq!(pair.wait(SERVER, waiting).result.unwrap(), 0);
    });
}

#[test]
fn bytes_that_were_not_read_make_a_close_a_reset() {
    check(|pair| {
        let [client, server] = pair.connected();
        pair.one(CLIENT, send(&client, b"unread")).result.unwrap();
        assert_eq!(pair.receive_all(SERVER, &server, 2), b"un");
        drop(server);
        let reset = error_of(pair.one(CLIENT, receive(&client, 10)));
        assert_eq!(reset.kind(), ErrorKind::ConnectionReset);
    });
}

#[test]
fn closing_ends_what_is_pending_and_gives_it_back() {
    check(|pair| {
        let [client, server] = pair.connected();
        let receiving = pair.submit(CLIENT, receive(&client, 10));
        let big = vec![1; 16 << 20];
        let sending = pair.submit(CLIENT, send(&client, &big));
        pair.stays_pending(CLIENT, sending);
        pair.one(CLIENT, close(&client, CloseKind::Reset)).result.unwrap();
        assert!(client.is_closed() && !server.is_closed());
        let received = pair.wait(CLIENT, receiving);
        let error = received.result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        assert!(error.to_string().ends_with("closed by this side"), "{error}");
        assert_eq!(received.buffer.unwrap().as_slice().len(), 10);
        let sent = pair.wait(CLIENT, sending);
        assert_eq!(sent.result.unwrap_err().kind(), ErrorKind::ConnectionAborted);
        assert_eq!(sent.gather.unwrap().len(), big.len());
        // And so does what comes later.
        for later in [receive(&client, 1), send(&client, b"x")] {
            assert_eq!(error_of(pair.one(CLIENT, later)).kind(), ErrorKind::ConnectionAborted);
        }
        let shutdown = pair.one(CLIENT, Operation::Shutdown { socket: client.clone() });
        assert!(shutdown.result.is_err());
        pair.one(CLIENT, close(&client, CloseKind::Graceful)).result.unwrap();
        assert_eq!(pair.drivers[CLIENT].outstanding(), 0);
    });
}

#[test]
fn a_listener_that_is_closed_accepts_no_more() {
    check(|pair| {
        let listener = pair.listen(SocketOptions::default());
        let accepting = pair.submit(SERVER, Operation::Accept { listener: listener.clone() });
        pair.stays_pending(SERVER, accepting);
        let stop = Operation::CloseListener { listener: listener.clone() };
        pair.one(SERVER, stop).result.unwrap();
        let error = error_of(pair.wait(SERVER, accepting));
        assert_eq!(error.kind(), ErrorKind::ConnectionAborted);
        let named = format!("accepting connections on {}: ", listener.local_address());
        assert!(error.to_string().starts_with(&named), "{error}");
        let to = listener.local_address();
        let refused = error_of(pair.one(CLIENT, connect(to, SocketOptions::default())));
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
        assert!(refused.to_string().starts_with(&format!("connecting to {to}: ")), "{refused}");
    });
}

#[test]
fn an_address_is_taken_once() {
    check(|pair| {
        let first = pair.listen(SocketOptions::default());
        let sockets = pair.drivers[SERVER].sockets();
        let again = sockets.listen(first.local_address(), &SocketOptions::default()).unwrap_err();
        assert_eq!(again.kind(), Some(ErrorKind::AddrInUse));
        let says = format!("can't listen at {}: ", first.local_address());
        assert!(again.to_string().starts_with(&says), "{again}");
        drop(first);
    });
}

/// An address that never answers.
fn silent_address(pair: &mut Pair) -> (SocketAddr, Box<dyn std::any::Any>) {
    if let Some(world) = pair.world.clone() {
        let listener = pair.listen(SocketOptions::default());
        world.cut("client", "server");
        return (listener.local_address(), Box::new(listener));
    }
    // A listener whose line is full: the system drops what else knocks.
    let family = rustix::net::AddressFamily::INET;
    let socket = rustix::net::socket(family, rustix::net::SocketType::STREAM, None).unwrap();
    let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
    rustix::net::bind(&socket, &any).unwrap();
    rustix::net::listen(&socket, 0).unwrap();
    let to: SocketAddr = rustix::net::getsockname(&socket).unwrap().try_into().unwrap();
    let mut fillers = Vec::new();
    for _ in 0..4 {
        match std::net::TcpStream::connect_timeout(&to, Duration::from_millis(50)) {
            Ok(filler) => fillers.push(filler),
            Err(_) => break,
        }
    }
    (to, Box::new((socket, fillers)))
}

#[test]
fn a_connection_that_takes_too_long_is_given_up() {
    check(|pair| {
        let (to, kept) = silent_address(pair);
        let timeout = Duration::from_millis(120);
        let start = pair.drivers[CLIENT].now();
        let options = ConnectOptions { to, timeout, socket: SocketOptions::default() };
        let error = error_of(pair.one(CLIENT, Operation::Connect { options }));
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        assert_eq!(error.to_string(), format!("connecting to {to}: no answer within 120ms"));
        assert!(pair.drivers[CLIENT].now() >= start + timeout);
        drop(kept);
    });
}

#[test]
#[should_panic(expected = "has an operation In already")]
fn a_second_receive_is_a_bug() {
    let mut pair = Pair::of("epoll");
    let [client, _server] = pair.connected();
    for _ in 0..2 {
        pair.submit(CLIENT, receive(&client, 10));
    }
}

#[test]
#[should_panic(expected = "receiving into bytes 5..5")]
fn receiving_into_nothing_is_a_bug() {
    let mut pair = Pair::of("epoll");
    let [client, _server] = pair.connected();
    let buffer = IoBuffer::Heap(AlignedBytes::zeroed(10));
    pair.submit(CLIENT, Operation::Receive { socket: client, buffer, range: 5..5 });
}

#[test]
fn thousands_of_silent_connections_are_in_nobodys_way() {
    check(|pair| {
        let listener = pair.listen(SocketOptions::default());
        let ends: Vec<_> =
            (0..2000).map(|_| pair.connect_with(&listener, SocketOptions::default())).collect();
        let waiting: Vec<_> =
            ends.iter().map(|[_, server]| pair.submit(SERVER, receive(server, 16))).collect();
        for chosen in [1234, 0, 1999] {
            pair.one(CLIENT, send(&ends[chosen][0], b"here")).result.unwrap();
            let done = pair.wait(SERVER, waiting[chosen]);
            assert!(done.result.unwrap() > 0);
        }
        // What else the driver does has its own room.
        let at = pair.drivers[SERVER].now();
        pair.one(SERVER, Operation::Timer { at });
        assert_eq!(pair.drivers[SERVER].outstanding(), 1997);
        drop(ends);
        // The clients' ends are gone, so each receive ends.
        pair.until("all ends", |pair| pair.drivers[SERVER].outstanding() == 0);
    });
}

#[test]
fn a_driver_dropped_in_the_middle_gives_every_segment_back() {
    check(|pair| {
        let mut memory = Memory::new();
        let listener = pair.listen(SocketOptions::default());
        let ends: Vec<_> =
            (0..10).map(|_| pair.connect_with(&listener, SocketOptions::default())).collect();
        for [client, _] in &ends {
            let buffer = IoBuffer::Segment(memory.segment());
            let socket = client.clone();
            pair.submit(CLIENT, Operation::Receive { socket, buffer, range: 0..100 });
            let mut gather = Gather::new();
            let segment = memory.filled(0);
            for _ in 0..Gather::PIECES_MAX {
                gather.push_buffer(segment.clone());
            }
            pair.submit(CLIENT, Operation::Send { socket: client.clone(), gather });
        }
        for _ in 0..5 {
            pair.step();
        }
        // Some were not even begun.
        let accept = Operation::Accept { listener: listener.clone() };
        pair.submit(SERVER, accept);
        let kind = match &pair.world {
            Some(world) => DriverKind::Simulated(world.machine("client")),
            None => pair.drivers[CLIENT].backend_name().parse().unwrap(),
        };
        let fresh = DriverOptions { kind, ..DriverOptions::default() };
        drop(std::mem::replace(&mut pair.drivers[CLIENT], Driver::new(fresh).unwrap()));
        pair.done[CLIENT].clear();
        memory.all_home();
        // The sockets live on, and another driver may go on with them.
        let [client, server] = &ends[3];
        pair.one(SERVER, send(server, b"still here")).result.unwrap();
        assert_eq!(pair.receive_all(CLIENT, client, 10), b"still here");
    });
}

#[test]
fn a_connection_moves_to_another_driver() {
    check(|pair| {
        let [client, server] = pair.connected();
        for round in 0..4u8 {
            // The one that listened is the client's driver in every second round.
            let (left, right) = if round % 2 == 0 { (CLIENT, SERVER) } else { (SERVER, CLIENT) };
            let waiting = pair.submit(right, receive(&server, 10));
            pair.one(left, send(&client, &[round])).result.unwrap();
            let done = pair.wait(right, waiting);
            assert_eq!(done.buffer.unwrap().as_slice()[..done.result.unwrap()], [round]);
        }
    });
}

#[test]
fn options_reach_the_system() {
    use rustix::net::sockopt;
    check_real(|pair| {
        let keep_alive =
            KeepAlive { idle: Duration::from_secs(7), interval: Duration::from_secs(3), probes: 4 };
        let options = SocketOptions {
            keep_alive: Some(keep_alive),
            user_timeout: Some(Duration::from_millis(12_345)),
            receive_buffer: Some(50_000),
            ..SocketOptions::default()
        };
        let listener = pair.listen(options);
        for socket in pair.connect_with(&listener, options) {
            let fd = socket.descriptor();
            assert!(sockopt::tcp_nodelay(fd).unwrap());
            assert!(sockopt::socket_keepalive(fd).unwrap());
            assert_eq!(sockopt::tcp_keepidle(fd).unwrap(), keep_alive.idle);
            assert_eq!(sockopt::tcp_keepintvl(fd).unwrap(), keep_alive.interval);
            assert_eq!(sockopt::tcp_keepcnt(fd).unwrap(), 4);
            assert_eq!(sockopt::tcp_user_timeout(fd).unwrap(), 12_345);
            assert!(sockopt::socket_recv_buffer_size(fd).unwrap() >= 50_000);
        }
    });
}

#[test]
fn the_limit_of_open_files_is_named() {
    let error = SocketFault::of("accepting", std::io::Error::from_raw_os_error(libc::EMFILE));
    assert!(error.to_string().ends_with("raise the limit of open files (ulimit -n)"), "{error}");
}
