//! Making a ring with the best set-up that the kernel gives.

use io_uring::{Builder, IoUring, Probe, cqueue, opcode, squeue};

use crate::driver::DriverError;

/// Set-ups from best to plainest. Deferred work runs only when its thread asks for it, and the
/// kernel says in the ring when there is some, so a poll needs no system call.
const SETUPS: [fn(&mut Builder<squeue::Entry, cqueue::Entry>); 4] = [
    // Linux 6.6
    |builder| {
        builder.setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag();
        builder.setup_submit_all().setup_no_sqarray();
    },
    // Linux 6.1
    |builder| {
        builder.setup_single_issuer().setup_defer_taskrun().setup_taskrun_flag();
        builder.setup_submit_all();
    },
    // Linux 5.19
    |builder| {
        builder.setup_coop_taskrun().setup_taskrun_flag().setup_submit_all();
    },
    |_| {},
];

/// Entries that are neither of transfers nor of sockets: the doorbell's poll, and the one that cancels
/// everything at the end.
pub(super) const ENTRIES_BESIDE: usize = 2;

/// Operations on sockets that one submission takes at least.
const SOCKET_ENTRIES: u32 = 62;

/// A ring that holds `depth` transfers and, beside them, some operations on sockets.
pub(super) fn ring(depth: u32) -> Result<IoUring, DriverError> {
    let refused = |step, source| DriverError::UringRefused { step, source };
    let entries = (depth + ENTRIES_BESIDE as u32 + SOCKET_ENTRIES).next_power_of_two();
    let mut ring = None;
    for setup in SETUPS {
        let mut builder = IoUring::builder();
        builder.dontfork().setup_clamp();
        setup(&mut builder);
        match builder.build(entries) {
            Ok(made) => {
                ring = Some(made);
                break;
            }
            // A flag that this kernel doesn't know.
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => {}
            Err(error) => return Err(refused("io_uring_setup", error)),
        }
    }
    let ring = ring.ok_or_else(|| {
        refused("io_uring_setup", std::io::Error::from_raw_os_error(libc::EINVAL))
    })?;
    check_abilities(&ring).map_err(|source| refused("abilities of the kernel", source))?;
    assert!(ring.params().sq_entries() >= entries && ring.params().cq_entries() >= entries);
    Ok(ring)
}

/// What the backend can't do without: a time limit on waiting, a poll that stays armed, completions
/// that are never dropped, and the operations themselves.
fn check_abilities(ring: &IoUring) -> std::io::Result<()> {
    let parameters = ring.params();
    // Tags came with the multishot poll that the doorbell needs, Linux 5.13.
    let recent = parameters.is_feature_ext_arg() && parameters.is_feature_resource_tagging();
    if !recent || !parameters.is_feature_nodrop() {
        return Err(std::io::ErrorKind::Unsupported.into());
    }
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe)?;
    let files = [opcode::Read::CODE, opcode::Write::CODE, opcode::Fsync::CODE];
    let sockets =
        [opcode::PollAdd::CODE, opcode::Recv::CODE, opcode::RecvMsg::CODE, opcode::SendMsg::CODE];
    if files.iter().chain(&sockets).all(|code| probe.is_supported(*code)) {
        Ok(())
    } else {
        Err(std::io::ErrorKind::Unsupported.into())
    }
}

/// Whether the kernel sends messages straight out of our memory, Linux 6.1.
pub(super) fn sends_without_copy(ring: &IoUring) -> bool {
    let mut probe = Probe::new();
    let probed = ring.submitter().register_probe(&mut probe);
    probed.is_ok() && probe.is_supported(opcode::SendMsgZc::CODE)
}
