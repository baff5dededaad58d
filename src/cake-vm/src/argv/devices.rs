//! The cards, each at the address that the record gives it.

use super::{ArgvError, Builder, CD_PORT, FIRST_FILE_FD, FileRole, plain};
use crate::cards::{Card, device_id, host_forward, netdev_id};
use crate::disks::{device_of, node_of};
use cake_types::{DiskBus, DiskDevice, Firmware, HardwareRecord, NicModel, NicSpec, PciAddress, SpareSlots, VmSpec};
use serde_json::{Value, json};

/// `bus=…,addr=…`, and `multifunction=on` where other functions of the slot may follow.
fn at(address: PciAddress, shares_slot: bool) -> String {
    let shared = if shares_slot && address.function == 0 { ",multifunction=on" } else { "" };
    format!("bus=pcie.0,addr={address}{shared}")
}

/// Empty root ports, for devices that come while the VM runs.
pub(super) fn spare_ports(builder: &mut Builder, spare: &SpareSlots) {
    for (index, address) in spare.root_ports.iter().enumerate() {
        // Chassis 0 belongs to the root complex.
        builder.pair("-device", format!("pcie-root-port,id=spare{index},chassis={},{}", index + 1, at(*address, true)));
    }
}

/// The card that firmware and every guest knows without a driver.
pub(super) fn display(builder: &mut Builder, hardware: &HardwareRecord) -> Result<(), ArgvError> {
    match (hardware.display, hardware.firmware) {
        (Some(address), _) => builder.pair("-device", format!("VGA,id=display,{}", at(address, false))),
        (None, Firmware::Direct) => {}
        (None, Firmware::Bios) => return Err(ArgvError::NoDisplay("BIOS")),
        (None, Firmware::Uefi) => return Err(ArgvError::NoDisplay("UEFI")),
    }
    Ok(())
}

/// The screen: a VNC server that listens nowhere (its viewers come as descriptors), and a pointer that is where the viewer's is.
/// The keyboard is the machine's own (i8042), which firmware and every installer know.
pub(super) fn screen(builder: &mut Builder, hardware: &HardwareRecord) {
    let (true, Some(address)) = (hardware.has_screen(), hardware.usb) else { return };
    builder.pair("-vnc", "none,share=force-shared");
    builder.pair("-device", format!("qemu-xhci,id=usb,{}", at(address, false)));
    builder.pair("-device", "usb-tablet,id=tablet,bus=usb.0,port=1");
}

pub(super) fn rng(builder: &mut Builder, hardware: &HardwareRecord) {
    if let Some(address) = hardware.rng {
        builder.pair("-object", "rng-builtin,id=rng0");
        builder.pair("-device", format!("virtio-rng-pci,id=rng,rng=rng0,disable-legacy=on,{}", at(address, false)));
    }
}

/// A TPM 2.0: swtpm, to which the helper leaves a connection. After all taps.
pub(super) fn tpm(builder: &mut Builder) {
    let connection = FIRST_FILE_FD + (builder.files.len() + builder.taps) as i32;
    builder.pair("-chardev", format!("socket,id=tpm,fd={connection}"));
    builder.pair("-tpmdev", "emulator,id=tpm0,chardev=tpm");
    builder.pair("-device", "tpm-crb,id=tpm-crb,tpmdev=tpm0");
}

pub(super) fn balloon(builder: &mut Builder, hardware: &HardwareRecord) {
    if let Some(address) = hardware.balloon {
        builder.pair(
            "-device",
            format!(
                "virtio-balloon-pci,id=balloon,free-page-reporting=on,deflate-on-oom=on,disable-legacy=on,{}",
                at(address, false)
            ),
        );
    }
}

pub(super) fn disk(builder: &mut Builder, spec: &VmSpec, index: usize, device: &DiskDevice) -> Result<(), ArgvError> {
    let file = builder.file(FileRole::Disk(index));
    let (number, order) = (spec.disk_number(index), index + 1);
    let node = node_of(number);
    builder
        .pair("-blockdev", format!("driver=raw,node-name={node},discard=unmap,file.driver=file,file.filename={file}"));
    match device.bus {
        DiskBus::VirtioBlk => virtio_blk(builder, &spec.hardware, &node, device, Some(order)),
        DiskBus::Sata => {
            plain("a disk's serial", &device.serial)?;
            let port = device.sata_port(index);
            builder.pair(
                "-device",
                format!("ide-hd,id=dev-{node},drive={node},bus=ide.{port},serial={},bootindex={order}", device.serial),
            );
            Ok(())
        }
    }
}

/// A drive that is asked after all disks: an empty disk lets the CD's installer begin, an installed one does not.
pub(super) fn cd(builder: &mut Builder, device: &DiskDevice, loaded: bool, disks: usize) -> Result<(), ArgvError> {
    plain("the CD drive's serial", &device.serial)?;
    let drive = if loaded {
        let file = builder.file(FileRole::Cd);
        let node = format!("driver=raw,node-name=cd,read-only=on,file.driver=file,file.filename={file}");
        builder.pair("-blockdev", node);
        ",drive=cd"
    } else {
        ""
    };
    let order = disks + 1;
    builder.pair("-device", format!("ide-cd,id=dev-cd{drive},bus=ide.{CD_PORT},bootindex={order}"));
    Ok(())
}

/// A drive that nothing is started from: its CD is only looked into.
pub(super) fn drivers_cd(builder: &mut Builder, device: &DiskDevice) -> Result<(), ArgvError> {
    plain("the drivers' CD drive's serial", &device.serial)?;
    let port = device.port.filter(|port| usize::from(*port) < CD_PORT);
    let port = port.ok_or(ArgvError::Unsupported("a drivers' CD drive at that port"))?;
    let file = builder.file(FileRole::DriversCd);
    let node = format!("driver=raw,node-name=drivers,read-only=on,file.driver=file,file.filename={file}");
    builder.pair("-blockdev", node);
    builder.pair("-device", format!("ide-cd,id=dev-drivers,drive=drivers,bus=ide.{port}"));
    Ok(())
}

/// A small read-only disk that carries the label cloud-init looks for.
pub(super) fn seed(builder: &mut Builder, hardware: &HardwareRecord, device: &DiskDevice) -> Result<(), ArgvError> {
    let file = builder.file(FileRole::Seed);
    builder.pair("-blockdev", format!("driver=raw,node-name=seed,read-only=on,file.driver=file,file.filename={file}"));
    virtio_blk(builder, hardware, "seed", device, None)
}

fn virtio_blk(
    builder: &mut Builder,
    hardware: &HardwareRecord,
    node: &str,
    device: &DiskDevice,
    boot: Option<usize>,
) -> Result<(), ArgvError> {
    plain("a disk's serial", &device.serial)?;
    let boot = boot.map_or_else(String::new, |order| format!(",bootindex={order}"));
    let at = match hardware.port_of(device.address) {
        Some(port) => format!("bus=spare{port}"),
        None => at(device.address, true),
    };
    builder.pair(
        "-device",
        format!("virtio-blk-pci,id=dev-{node},drive={node},serial={},disable-legacy=on,{at}{boot}", device.serial,),
    );
    Ok(())
}

/// The same disk for a QEMU that runs. What it is asked for at boot is said at the next start.
pub(crate) fn virtio_disk(hardware: &HardwareRecord, number: u32, device: &DiskDevice) -> Value {
    json!({
        "driver": "virtio-blk-pci", "id": device_of(number), "drive": node_of(number), "serial": device.serial,
        "disable-legacy": "on", "bus": hardware.port_of(device.address).map(|port| format!("spare{port}")),
    })
}

/// The same that [`Card::netdev`] and [`Card::device`] give a QEMU that runs.
pub(super) fn nic(builder: &mut Builder, card: &Card) {
    let (device, netdev) = (device_id(&card.place), netdev_id(&card.place));
    match &card.spec {
        NicSpec::Nat { forwards } => {
            let forwards: String =
                forwards.iter().map(|forward| format!(",hostfwd={}", host_forward(*forward))).collect();
            builder.pair("-netdev", format!("user,id={netdev},ipv6=off{forwards}"));
        }
        NicSpec::Bridged { .. } => {
            let tap = builder.tap();
            builder.pair("-netdev", format!("tap,id={netdev},fd={tap}"));
        }
    }
    let (driver, more) = match card.model {
        NicModel::Virtio => ("virtio-net-pci", "disable-legacy=on,"),
        NicModel::E1000e => ("e1000e", ""),
    };
    let at = match card.bus() {
        (_, Some(address)) => at(address, false),
        (port, None) => format!("bus={port}"),
    };
    // No boot ROM: nothing here boots from the network yet, and it is slow to load.
    builder.pair("-device", format!("{driver},id={device},netdev={netdev},mac={},romfile=,{more}{at}", card.mac));
}
