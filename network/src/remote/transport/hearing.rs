//! What peers say, and what it means to gates and partitions.

use brisk_memory::driver::Driver;

use super::{At, Early, LinkNumber, Transport};
use crate::{
    ChannelIndex, GateAddress, Item,
    connection::{OpenOptions, Received},
    remote::{RemoteError, RemoteFailure, gate::RemoteGate, link::Heard},
    wire::{ErrorCode, PartitionAddress, PartitionRequest, PeerError},
};

impl Transport {
    pub(super) fn hear(&mut self, driver: &Driver, number: LinkNumber, heard: Heard) {
        match heard {
            Heard::Established => {
                let ready = self.to_open.extract_if(.., |(link, _, _)| *link == number);
                for (_, gate, index) in ready.collect::<Vec<_>>() {
                    self.open_channel(number, gate, index);
                }
            }
            Heard::Frame(received) => self.receive(driver, number, received),
        }
    }

    pub(super) fn open_channel(
        &mut self,
        number: LinkNumber,
        address: GateAddress,
        index: ChannelIndex,
    ) {
        let Some(gate) = self.gates.get_mut(&address) else { return };
        let link = &self.links[&number];
        let producer = gate.producer(index);
        let holds_at_barriers = gate.holds_at_barriers();
        let request = PartitionRequest { address: producer.address, holds_at_barriers };
        let options = OpenOptions { request, check: producer.check };
        let opened = link.borrow_mut().connection().map(|connection| connection.open(options));
        let Some(channel) = opened else { return };
        gate.attach(index, link, channel);
        self.consumers.insert((number, channel), (address, index));
    }

    fn receive(&mut self, driver: &Driver, number: LinkNumber, received: Received) {
        match received {
            Received::Data { channel, buffer, backlog } => {
                if let Some((gate, index)) = self.consumer((number, channel)) {
                    gate.data(index, Item::Buffer(buffer), backlog);
                }
            }
            Received::Event { channel, event, backlog } => {
                if let Some((gate, index)) = self.consumer((number, channel)) {
                    gate.event(index, event, backlog);
                }
            }
            Received::Backlog { channel, backlog } => {
                if let Some((gate, index)) = self.consumer((number, channel)) {
                    gate.backlog(index, backlog);
                }
            }
            Received::Released { channel } => {
                self.consumers.remove(&(number, channel));
            }
            Received::Failed { channel, place, error } => {
                let peer = self.links[&number].borrow().peer();
                if let Some((address, index)) = self.consumers.remove(&(number, channel))
                    && let Some(gate) = self.gates.get_mut(&address)
                {
                    gate.detach(index);
                    let error = RemoteError::Producer { peer, place, error };
                    self.failures.push(RemoteFailure::Gate(address, error));
                }
            }
            Received::Requested { channel, request } => {
                self.requested(driver, (number, channel), request.address);
            }
            Received::Canceled { channel, .. } => {
                if let Some(address) = self.producers.remove(&(number, channel))
                    && let Some(end) = self.subpartitions.get(&address)
                {
                    end.end();
                }
            }
            Received::Closed => {
                self.to_peer.retain(|_, link| *link != number);
                if let Some(connection) = self.links[&number].borrow_mut().connection() {
                    connection.close();
                }
            }
        }
    }

    fn consumer(&mut self, at: At) -> Option<(&mut RemoteGate, ChannelIndex)> {
        let (address, index) = self.consumers.get(&at)?;
        Some((self.gates.get_mut(address)?, *index))
    }

    fn requested(&mut self, driver: &Driver, at: At, address: PartitionAddress) {
        match self.subpartitions.get(&address) {
            Some(end) if end.is_wanted() => self.attach_producer(at, address),
            Some(_) => {
                let text = format!("{address} was read before");
                self.fail_channel(at, PeerError::new(ErrorCode::UnknownPartition, &text));
            }
            None => {
                let until = driver.now() + self.options.link.request_timeout;
                self.early.push(Early { at, address, until });
            }
        }
    }

    pub(super) fn attach_producer(&mut self, at: At, address: PartitionAddress) {
        let (number, channel) = at;
        let Some(link) = self.links.get(&number) else { return };
        self.subpartitions[&address].attach(link, channel);
        self.producers.insert(at, address);
        if self.finished.remove(&address) {
            self.finish_subpartition(address);
        }
    }

    pub(super) fn fail_channel(&mut self, (number, channel): At, error: PeerError) {
        self.producers.remove(&(number, channel));
        let Some(link) = self.links.get(&number) else { return };
        if let Some(connection) = link.borrow_mut().connection() {
            connection.fail(channel, error);
        }
    }
}
