//! What a node takes from its leader. caked checks for people and speaks their language; the node checks for itself, because
//! it is root.

use cake_node_api::{HostVerb, NodeError};
use cake_types::{
    Authority, BmcAccess, BmcSpec, Device, DeviceSpec, Firmware, HOST_NAME_MAX, HandsOff, HostSpec, NodeStatus,
    PoolSpec, Server, UplinkPort, UplinkSpec, UpsSpec, Vm, limits,
};

fn invalid(detail: impl Into<String>) -> NodeError {
    NodeError::Invalid { detail: detail.into() }
}

/// Refuses what this node could never run.
pub fn vm(vm: &Vm, node: &NodeStatus) -> Result<(), NodeError> {
    let spec = &vm.spec;
    let (memory, have) = (spec.memory, node.capacity.memory);
    if spec.cpus == 0 || spec.cpus > limits::VCPUS_MAX {
        return Err(invalid(format!("{} processors: 1 to {} are possible", spec.cpus, limits::VCPUS_MAX)));
    }
    if memory < limits::MEMORY_MIN || memory > have {
        return Err(invalid(format!("{memory} of memory: {} to {have} are possible", limits::MEMORY_MIN)));
    }
    if spec.hardware.uuid != vm.meta.id {
        return Err(invalid("the hardware record is another VM's"));
    }
    if spec.authority != Authority::Local {
        return Err(invalid("this node holds no lease, so it runs only what is its own"));
    }
    if spec.firmware != Firmware::Direct && spec.disks.is_empty() {
        return Err(invalid("firmware needs a disk to start from"));
    }
    if spec.disks.iter().any(|disk| disk.size.bytes() == 0 || !disk.size.bytes().is_multiple_of(512)) {
        return Err(invalid("the size of a disk is a number of whole sectors of 512 bytes"));
    }
    // The whole of the rest: whether a machine can be made from it.
    cake_vm::argv::argv(spec, node.accelerator, false).map(|_| ()).map_err(|error| invalid(error.to_string()))
}

/// Refuses paths that are not plain.
pub fn pool(spec: &PoolSpec) -> Result<(), NodeError> {
    match &spec.path {
        Some(path) if !path.starts_with('/') || path.split('/').any(|part| part == "..") || path.contains('\0') => {
            Err(invalid("the path of a pool is absolute and has no '..'"))
        }
        _ => Ok(()),
    }
}

/// Refuses what can't stand in a line of the protocol.
pub fn ups(spec: Option<&UpsSpec>) -> Result<(), NodeError> {
    let Some(UpsSpec { host, port, name, user, password: _, minutes }) = spec else { return Ok(()) };
    let plain = |text: &str| !text.is_empty() && text.len() <= 255 && !text.chars().any(char::is_control);
    match plain(host) && plain(name) && user.as_deref().is_none_or(plain) && *port > 0 && *minutes > 0 {
        true => Ok(()),
        false => Err(invalid("a power supply has a host, a port, a name and minutes")),
    }
}

/// Refuses what could not be an address, and what no session could carry.
pub fn server(server: &Server) -> Result<(), NodeError> {
    let Some(BmcSpec { access, host, port, user, password: _, key: _, weak: _, next: _ }) = &server.spec.bmc else {
        return Ok(());
    };
    let plain = |text: &str, most| text.len() <= most && !text.chars().any(char::is_control);
    let somewhere = *access == BmcAccess::Local || (!host.is_empty() && *port > 0);
    match somewhere && plain(host, 255) && plain(user, 64) {
        true => Ok(()),
        false => Err(invalid("a BMC has a host and a port")),
    }
}

/// Refuses what could not be an address.
pub fn device(device: &Device) -> Result<(), NodeError> {
    let DeviceSpec { kind: _, host, port, community: _, feed: _, rated_amps: _, outlets: _, note: _ } = &device.spec;
    let plain = !host.is_empty() && host.len() <= 255 && !host.chars().any(char::is_control);
    match plain && *port > 0 {
        true => Ok(()),
        false => Err(invalid("a device has a host and a port")),
    }
}

fn ours(hands_off: Option<HandsOff>) -> Result<(), NodeError> {
    match hands_off {
        None => Ok(()),
        Some(reason) => Err(invalid(format!("this machine is not cake's to change: {}", reason.as_str()))),
    }
}

/// Refuses what no machine takes, and everything where the machine is not cake's.
pub fn host(hands_off: Option<HandsOff>, spec: &HostSpec) -> Result<(), NodeError> {
    let HostSpec { host_name, time_zone, ntp: _ } = spec;
    if *spec != HostSpec::default() {
        ours(hands_off)?;
    }
    if host_name.as_ref().is_some_and(|name| name.as_str().len() > HOST_NAME_MAX) {
        return Err(invalid(format!("a host name has at most {HOST_NAME_MAX} characters")));
    }
    // It becomes the end of a path.
    let plain = |zone: &String| {
        let good = |c: char| c.is_ascii_alphanumeric() || "/_+-".contains(c);
        zone.len() <= 64 && !zone.starts_with('/') && zone.chars().all(good)
    };
    match time_zone.as_ref().is_none_or(plain) {
        true => Ok(()),
        false => Err(invalid("a time zone is a name of the tz database")),
    }
}

/// Refuses what no network could be, and everything where the machine is not cake's.
pub fn uplink(
    hands_off: Option<HandsOff>,
    spec: &UplinkSpec,
    seconds: u32,
    ports: &[UplinkPort],
) -> Result<(), NodeError> {
    ours(hands_off)?;
    let checked = cake_planner::uplink::seconds(seconds).and_then(|_| cake_planner::uplink::check(spec, Some(ports)));
    checked.map_err(|problem| invalid(cake_planner::uplink::english(&problem)))
}

/// Refuses what would be without end, and everything where the machine is not cake's.
pub fn host_verb(hands_off: Option<HandsOff>, verb: HostVerb) -> Result<(), NodeError> {
    ours(hands_off)?;
    match verb {
        HostVerb::Leave { seconds, .. } if seconds > 3600 => Err(invalid("guests have at most an hour")),
        HostVerb::Leave { .. } | HostVerb::Stay | HostVerb::SetClock { .. } => Ok(()),
    }
}
