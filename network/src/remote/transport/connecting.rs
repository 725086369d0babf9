//! Connections that this side makes: once, and again after a wait as often as it may.

use std::{net::SocketAddr, sync::Arc};

use brisk_memory::driver::{Completion, ConnectOptions, Driver, Instant64, Operation};

use super::{LinkNumber, Purpose, Transport};
use crate::{
    remote::{RemoteError, link::Link},
    wire::{PartitionAddress, handshake::Handshake},
};

impl Transport {
    pub(super) fn link_to(
        &mut self,
        driver: &mut Driver,
        peer: SocketAddr,
        subject: PartitionAddress,
    ) -> LinkNumber {
        if let Some(number) = self.to_peer.get(&peer) {
            return *number;
        }
        let link = Link::connecting(peer, subject, self.options.link);
        let number = self.add_link(link);
        self.to_peer.insert(peer, number);
        self.connect(driver, number);
        number
    }

    fn connect(&mut self, driver: &mut Driver, number: LinkNumber) {
        let options = ConnectOptions {
            to: self.links[&number].borrow().peer(),
            timeout: self.options.link.connect_timeout,
            socket: self.options.link.socket,
        };
        let id = driver.submit(Operation::Connect { options });
        self.operations.insert(id, Purpose::Connect(number));
    }

    /// Attempts what is due.
    pub(super) fn connect_again(&mut self, driver: &mut Driver, now: Instant64) {
        let due: Vec<_> = self.to_connect.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, number) in due {
            if self.links.contains_key(&number) {
                self.connect(driver, number);
            }
        }
    }

    pub(super) fn connected(
        &mut self,
        driver: &mut Driver,
        number: LinkNumber,
        completion: Completion,
    ) {
        let Some(link) = self.links.get(&number).cloned() else { return };
        let peer = link.borrow().peer();
        let socket = match (completion.result, completion.socket) {
            (Ok(_), Some(socket)) => socket,
            (Err(_), _) if link.borrow().attempts() < self.options.link.connect_retries => {
                let wait = self.options.link.backoff.wait(link.borrow_mut().count_attempt());
                return self.to_connect.push((driver.now() + wait, number));
            }
            (Err(source), _) => {
                let source = Arc::new(source);
                return self.fail_link(driver.now(), number, RemoteError::Io { peer, source });
            }
            (Ok(_), None) => unreachable!("a connection comes with its socket"),
        };
        let Some(subject) = link.borrow().subject() else { return };
        let nonce = (self.options.nonces)();
        let (handshake, hello) = Handshake::initiate(self.options.secret.clone(), nonce, subject);
        let mut link = link.borrow_mut();
        link.connected(socket, handshake, hello);
        link.set_deadline(driver.now() + self.options.link.handshake_timeout);
    }
}
