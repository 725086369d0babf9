//! Which process this is, and how it finds the others: from the configuration.

use std::{
    net::{IpAddr, SocketAddr, ToSocketAddrs},
    time::Duration,
};

use brisk_memory::{
    config::{
        Configuration,
        options::network::{self, ShuffleCodec, processes},
    },
    driver::{KeepAlive, SocketOptions},
};
use brisk_network::{
    connection::Trust,
    remote::{Backoff, LinkOptions},
    wire::{Codec, handshake::ClusterSecret},
};

use super::ProcessIndex;
use crate::{error::Error, job::fresh_nonce, worker::RemoteOptions};

/// A silent peer is asked after so long, so often, and is then given up: after 40 s in all, within
/// the 50 s that Flink's heartbeats take.
const KEEP_ALIVE: KeepAlive =
    KeepAlive { idle: Duration::from_secs(10), interval: Duration::from_secs(5), probes: 6 };

/// How the processes of a program find each other.
#[derive(Clone, Debug)]
pub(in crate::job) struct ProcessSettings {
    pub(super) index: ProcessIndex,
    /// How many there are.
    pub(super) count: u32,
    /// Where the first one listens for the others.
    pub(super) leader: SocketAddr,
    /// Where workers of this one listen.
    pub(super) host: IpAddr,
    pub(super) secret: ClusterSecret,
    pub(super) link: LinkOptions,
    /// How long the processes wait for each other at the start.
    pub(super) patience: Duration,
}

impl ProcessSettings {
    /// `None` when there is only one process.
    ///
    /// # Errors
    /// If something is missing or wrong.
    pub(in crate::job) fn read(
        config: &Configuration,
        segment_bytes: usize,
    ) -> Result<Option<Self>, Error> {
        let count = config.get(&processes::COUNT)?;
        if count == 1 {
            return Ok(None);
        }
        let index = config.get(&processes::INDEX)?;
        let failed = |cause: String| Error::Processes {
            what: "finding the other processes".to_owned(),
            cause,
        };
        if index >= count || count > ProcessIndex::COUNT_MAX {
            return Err(failed(format!(
                "{} is {index} and {} is {count}; there may be {} processes, numbered from 0",
                processes::INDEX.key(),
                processes::COUNT.key(),
                ProcessIndex::COUNT_MAX
            )));
        }
        let secret = config.get(&processes::SECRET)?.unwrap_or_default();
        let secret = ClusterSecret::new(secret.as_bytes())
            .map_err(|error| failed(format!("{}: {error}", processes::SECRET.key())))?;
        let host = config.get(&processes::RPC_ADDRESS)?;
        let port = u16::try_from(config.get(&processes::RPC_PORT)?).unwrap_or(0);
        let mut leaders = (host.as_str(), port)
            .to_socket_addrs()
            .map_err(|error| failed(format!("there is no host {host}: {error}")))?;
        let none = || failed(format!("the host {host} has no address"));
        let leader = leaders.next().ok_or_else(none)?;
        let own = config.get(&processes::HOST)?;
        let mut own_addresses = (own.as_str(), 0)
            .to_socket_addrs()
            .map_err(|error| failed(format!("there is no host {own}: {error}")))?;
        let host = own_addresses.next().ok_or_else(|| failed(format!("{own} has no address")))?;
        Ok(Some(Self {
            index: ProcessIndex(index),
            count,
            leader,
            host: host.ip(),
            secret,
            link: link_options(config, segment_bytes)?,
            patience: config.get(&processes::REGISTRATION_TIMEOUT)?,
        }))
    }

    /// Whether this process has the masters.
    pub(in crate::job) fn leads(&self) -> bool {
        self.index == ProcessIndex::LEADER
    }

    /// The number of the first worker here.
    pub(in crate::job) fn first_worker(&self) -> u32 {
        self.index.first_worker()
    }

    /// How many processes there are.
    pub(in crate::job) fn count(&self) -> u32 {
        self.count
    }

    /// How workers here reach those of other processes.
    pub(in crate::job) fn remote(&self) -> RemoteOptions {
        RemoteOptions {
            listen: SocketAddr::new(self.host, 0),
            secret: self.secret.clone(),
            nonces: fresh_nonce,
            link: self.link,
        }
    }

    pub(super) fn socket(&self) -> SocketOptions {
        self.link.socket
    }
}

/// How workers of different processes are connected.
fn link_options(config: &Configuration, segment_bytes: usize) -> Result<LinkOptions, Error> {
    let trust = match config.get(&network::TRUST_CLUSTER)? {
        true => Trust::Cluster,
        false => Trust::Validate,
    };
    Ok(LinkOptions {
        codec: codec(config)?,
        trust,
        socket: SocketOptions {
            keep_alive: Some(KEEP_ALIVE),
            user_timeout: Some(KEEP_ALIVE.patience()),
            ..SocketOptions::default()
        },
        connect_timeout: Duration::from_secs(config.get(&network::CONNECT_TIMEOUT_SECONDS)?.into()),
        connect_retries: config.get(&network::CONNECT_RETRIES)?,
        backoff: Backoff {
            initial: Duration::from_millis(config.get(&network::REQUEST_BACKOFF_INITIAL)?.into()),
            max: Duration::from_millis(config.get(&network::REQUEST_BACKOFF_MAX)?.into()),
        },
        request_timeout: config.get(&network::PARTITION_REQUEST_TIMEOUT)?,
        ..LinkOptions::new(segment_bytes)
    })
}

/// Compression between processes is for who asks for it: the key's default is that of blocking
/// exchanges, and over a fast network compression is slower than none.
fn codec(config: &Configuration) -> Result<Codec, Error> {
    if !config.contains(&network::COMPRESSION_CODEC) {
        return Ok(Codec::None);
    }
    Ok(match config.get(&network::COMPRESSION_CODEC)? {
        ShuffleCodec::None => Codec::None,
        ShuffleCodec::Lz4 => Codec::Lz4,
        ShuffleCodec::Zstd => Codec::Zstd,
        ShuffleCodec::Lzo => {
            let (what, key) = ("connecting processes", network::COMPRESSION_CODEC.key());
            let cause = format!("{key} is LZO, which is not offered: choose LZ4, ZSTD or NONE");
            return Err(Error::Processes { what: what.to_owned(), cause });
        }
    })
}
