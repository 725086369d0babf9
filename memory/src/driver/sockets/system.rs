//! The calls to the operating system. None of them blocks.

use std::io::{self, IoSlice, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown,
    SocketAddrAny, SocketFlags, SocketType, ipproto, sockopt,
};

use super::{CloseKind, ConnectOptions, SocketOptions};

/// Connections that wait to be accepted; the system takes its own limit where that is lower
/// (`net.core.somaxconn`, 4096 by default).
const BACKLOG: i32 = 4096;

/// Pieces that one call sends; the rest follows in the next.
const PIECES_PER_CALL: usize = 64;

/// A socket that accepts, and its address.
pub(super) fn listen(at: SocketAddr, options: &SocketOptions) -> io::Result<(OwnedFd, SocketAddr)> {
    let socket = socket(at)?;
    // The addresses of connections that ended a minute ago don't keep a restart from listening.
    sockopt::set_socket_reuseaddr(&socket, true)?;
    set_buffers(&socket, options)?;
    rustix::net::bind(&socket, &at)?;
    rustix::net::listen(&socket, BACKLOG)?;
    let address = local_address(&socket)?;
    Ok((socket, address))
}

/// A socket on its way to being connected.
pub(super) fn connect(options: &ConnectOptions) -> io::Result<OwnedFd> {
    let socket = socket(options.to)?;
    // Before the connection is made, since the window's scale is agreed on then.
    set_buffers(&socket, &options.socket)?;
    set_options(&socket, &options.socket)?;
    match rustix::net::connect(&socket, &options.to) {
        Ok(()) | Err(Errno::INPROGRESS) => Ok(socket),
        Err(error) => Err(error.into()),
    }
}

/// What became of an attempt to connect: this side's address, or "would block" as long as it is
/// under way.
pub(super) fn connected(socket: BorrowedFd<'_>) -> io::Result<SocketAddr> {
    sockopt::socket_error(socket)??;
    match rustix::net::getpeername(socket) {
        Ok(Some(_)) => {}
        Ok(None) | Err(Errno::NOTCONN) => return Err(io::ErrorKind::WouldBlock.into()),
        Err(error) => return Err(error.into()),
    }
    let address = local_address(socket)?;
    // A socket that connects goes to the system and comes back at once; one that is connected may
    // wait there, which is what io_uring wants (the other driver says so in each call).
    rustix::io::ioctl_fionbio(socket, false)?;
    Ok(address)
}

/// A connection that has come in.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) socket: OwnedFd,
    pub(super) peer: SocketAddr,
    pub(super) local: SocketAddr,
}

pub(super) fn accept(listener: BorrowedFd<'_>, options: &SocketOptions) -> io::Result<Accepted> {
    loop {
        let (socket, peer) = match rustix::net::acceptfrom_with(listener, SocketFlags::CLOEXEC) {
            Ok(accepted) => accepted,
            // It was given up before it was accepted; the next may wait.
            Err(Errno::CONNABORTED | Errno::INTR) => continue,
            Err(error) => return Err(error.into()),
        };
        let Some(peer) = peer.map(standard).transpose()? else { continue };
        set_options(&socket, options)?;
        let local = local_address(&socket)?;
        return Ok(Accepted { socket, peer, local });
    }
}

pub(super) fn receive<'a>(
    socket: BorrowedFd<'_>,
    rooms: impl Iterator<Item = &'a mut [u8]>,
) -> io::Result<usize> {
    let mut slices = [(); PIECES_PER_CALL].map(|()| IoSliceMut::new(&mut []));
    let mut count = 0;
    for (slice, room) in slices.iter_mut().zip(rooms) {
        *slice = IoSliceMut::new(room);
        count += 1;
    }
    let nothing = &mut RecvAncillaryBuffer::default();
    let received =
        rustix::net::recvmsg(socket, &mut slices[..count], nothing, RecvFlags::DONTWAIT)?;
    Ok(received.bytes)
}

pub(super) fn send<'a>(
    socket: BorrowedFd<'_>,
    pieces: impl Iterator<Item = &'a [u8]>,
) -> io::Result<usize> {
    let mut slices = [IoSlice::new(&[]); PIECES_PER_CALL];
    let mut count = 0;
    for (slice, piece) in slices.iter_mut().zip(pieces) {
        *slice = IoSlice::new(piece);
        count += 1;
    }
    let flags = SendFlags::DONTWAIT | SendFlags::NOSIGNAL;
    let nothing = &mut SendAncillaryBuffer::default();
    Ok(rustix::net::sendmsg(socket, &slices[..count], nothing, flags)?)
}

pub(super) fn shutdown(socket: BorrowedFd<'_>) -> io::Result<()> {
    Ok(rustix::net::shutdown(socket, Shutdown::Write)?)
}

/// Ends both halves, or the whole connection at once. Wakes whoever waits on the socket.
pub(super) fn close(socket: BorrowedFd<'_>, how: CloseKind) {
    // Either fails when the connection is gone already, which is what was wanted.
    if how == CloseKind::Reset {
        let _ = rustix::net::connect_unspec(socket);
    }
    let _ = rustix::net::shutdown(socket, Shutdown::Both);
}

fn socket(address: SocketAddr) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    Ok(rustix::net::socket_with(family, SocketType::STREAM, flags, Some(ipproto::TCP))?)
}

fn set_buffers(socket: &OwnedFd, options: &SocketOptions) -> io::Result<()> {
    if let Some(bytes) = options.send_buffer {
        sockopt::set_socket_send_buffer_size(socket, bytes)?;
    }
    if let Some(bytes) = options.receive_buffer {
        sockopt::set_socket_recv_buffer_size(socket, bytes)?;
    }
    Ok(())
}

fn set_options(socket: &OwnedFd, options: &SocketOptions) -> io::Result<()> {
    sockopt::set_tcp_nodelay(socket, options.nodelay)?;
    if let Some(keep_alive) = options.keep_alive {
        sockopt::set_socket_keepalive(socket, true)?;
        sockopt::set_tcp_keepidle(socket, keep_alive.idle)?;
        sockopt::set_tcp_keepintvl(socket, keep_alive.interval)?;
        sockopt::set_tcp_keepcnt(socket, keep_alive.probes)?;
    }
    if let Some(timeout) = options.user_timeout {
        let millis = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
        sockopt::set_tcp_user_timeout(socket, millis)?;
    }
    Ok(())
}

fn local_address(socket: impl std::os::fd::AsFd) -> io::Result<SocketAddr> {
    standard(rustix::net::getsockname(socket)?)
}

fn standard(address: SocketAddrAny) -> io::Result<SocketAddr> {
    SocketAddr::try_from(address).map_err(io::Error::from)
}
