//! Virtual hardware, fixed once: which card sits in which slot of `pcie.0`, and what it is called.
//!
//! ```text
//!  00.0      host bridge (the machine's own)      06.0 – 06.3   spare root ports, for hot-plug
//!  01.0      graphics card                        07.0          USB controller, for the screen's pointer
//!  02.0      random numbers                       08.0 – 0e.0   network cards
//!  03.0      memory balloon                       10.0 – 1e.7   disks
//!  04.0      kept for virtio-mem                  1f.*          the machine's own (ICH9)
//!  05.0      cloud-init seed
//! ```
//!
//! Disks for guests without virtio, and the CD drive, are at the machine's own SATA controller (1f.2).
//!
//! Every kind of device has slots of its own, so that a guest which gains a disk or loses its seed finds all others where they
//! were.

use cake_types::limits::NICS_MAX;
use cake_types::{
    CpuModel, DiskBus, DiskDevice, Drivers, Firmware, GuestOs, HARDWARE_VERSION, HardwareRecord, HardwareRequest,
    ImageFormat, ImageSpec, MacAddress, MachineType, NicDevice, NicModel, PciAddress, SpareSlots, VmId,
};

/// Most disks that a record has room for; a request for more gets so many, and the engine refuses the mismatch.
pub const DISKS_MAX: usize = DISK_SLOTS as usize * FUNCTIONS as usize;
/// … on SATA: the controller has six ports, and the last is the CD drive's.
pub const SATA_DISKS_MAX: usize = 5;

const DISPLAY: PciAddress = PciAddress { slot: 0x01, function: 0 };
const RNG: PciAddress = PciAddress { slot: 0x02, function: 0 };
const BALLOON: PciAddress = PciAddress { slot: 0x03, function: 0 };
const VIRTIO_MEM: PciAddress = PciAddress { slot: 0x04, function: 0 };
const SEED: PciAddress = PciAddress { slot: 0x05, function: 0 };
const SPARE_SLOT: u8 = 0x06;
const SPARE_PORTS: u8 = 4;
const USB: PciAddress = PciAddress { slot: 0x07, function: 0 };
const SATA: PciAddress = PciAddress { slot: 0x1f, function: 2 };
/// Where network cards begin.
pub const FIRST_NIC_SLOT: u8 = 0x08;
const FIRST_DISK_SLOT: u8 = 0x10;
const DISK_SLOTS: u8 = 15;
const FUNCTIONS: u8 = 8;

/// The machine type of new VMs.
pub fn default_machine() -> MachineType {
    MachineType("pc-q35-10.0".into())
}

/// The processor of new VMs: the oldest that today's systems ask for (x86-64-v2), the same with and without KVM, so that a VM
/// can move. TCG has all of it.
pub fn default_cpu() -> CpuModel {
    CpuModel("Nehalem-v1".into())
}

/// What a guest made from this image has drivers for. A disk with Linux on it knows virtio; of a CD nobody knows what its
/// installer can see, unless somebody said that it is Linux. One that came with a machine says it itself.
pub fn drivers(image: &ImageSpec) -> Drivers {
    if let Some(machine) = &image.machine {
        return if machine.everyday { Drivers::Everyday } else { Drivers::Virtio };
    }
    match (image.format, image.os) {
        (_, GuestOs::Linux) | (ImageFormat::Kernel, _) => Drivers::Virtio,
        (_, GuestOs::Windows) | (ImageFormat::Iso, GuestOs::Other) => Drivers::Everyday,
        (ImageFormat::Raw | ImageFormat::Qcow2, GuestOs::Other) => Drivers::Virtio,
    }
}

/// Makes the record of a new VM. The same request gives the same record.
pub fn plan(request: &HardwareRequest) -> HardwareRecord {
    let HardwareRequest {
        id,
        firmware,
        disks,
        nics,
        seed,
        machine,
        cpu,
        random,
        cd,
        drivers,
        tpm,
        secure_boot,
        windows,
    } = request;
    let most = match drivers {
        Drivers::Virtio => DISKS_MAX,
        Drivers::Everyday => SATA_DISKS_MAX,
    };
    HardwareRecord {
        version: HARDWARE_VERSION,
        machine: machine.clone(),
        cpu: cpu.clone(),
        uuid: *id,
        firmware: *firmware,
        disks: (0..(*disks).min(most)).map(|index| disk(*id, index, *drivers)).collect(),
        nics: (0..(*nics).min(NICS_MAX)).map(|index| nic(index as u8, random, *drivers)).collect(),
        seed: seed.then(|| DiskDevice { bus: DiskBus::VirtioBlk, address: SEED, port: None, serial: "cidata".into() }),
        cd: cd.then(cd_drive),
        drivers_cd: None,
        display: match firmware {
            Firmware::Bios | Firmware::Uefi => Some(DISPLAY),
            Firmware::Direct => None,
        },
        usb: match firmware {
            Firmware::Bios | Firmware::Uefi => Some(USB),
            Firmware::Direct => None,
        },
        tpm: *tpm && *firmware != Firmware::Direct,
        secure_boot: *secure_boot && *firmware == Firmware::Uefi,
        windows: *windows,
        rng: Some(RNG),
        balloon: Some(BALLOON),
        spare: SpareSlots {
            root_ports: (0..SPARE_PORTS).map(|function| PciAddress { slot: SPARE_SLOT, function }).collect(),
            virtio_mem: Some(VIRTIO_MEM),
        },
        shared_memory: true,
    }
}

/// Disks fill the slots first and then the functions, so that ordinary VMs have one disk in a slot.
fn disk(id: VmId, index: usize, drivers: Drivers) -> DiskDevice {
    let (bus, address) = match drivers {
        Drivers::Virtio => (DiskBus::VirtioBlk, disk_slot(index as u8)),
        Drivers::Everyday => (DiskBus::Sata, SATA),
    };
    DiskDevice { bus, address, port: None, serial: serial(id, index as u32) }
}

fn disk_slot(index: u8) -> PciAddress {
    PciAddress { slot: FIRST_DISK_SLOT + index % DISK_SLOTS, function: index / DISK_SLOTS }
}

/// The last bytes of a version 7 id are the random ones; with the number the serial has 16 of its 20 characters.
fn serial(id: VmId, number: u32) -> String {
    let tail: String = id.0.as_bytes()[10..].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{tail}-{number:03}")
}

/// A disk for a VM that has its hardware already. Behind a spare root port if one is free, because it can come and leave there while
/// the guest runs; otherwise, and only if the VM is off, in the next slot. A guest that knows only everyday hardware gets another SATA
/// disk, for which it must be off. `None`: there is no room.
pub fn added_disk(record: &HardwareRecord, number: u32, off: bool) -> Option<DiskDevice> {
    let serial = serial(record.uuid, number);
    if record.disks.first().is_some_and(|disk| disk.bus == DiskBus::Sata) {
        let port = free_sata_ports(record).next().filter(|_| off)?;
        return Some(DiskDevice { bus: DiskBus::Sata, address: SATA, port: Some(port), serial });
    }
    let slots = || (0..DISK_SLOTS * FUNCTIONS).map(disk_slot).find(|slot| is_free(record, *slot)).filter(|_| off);
    let address = free_port(record).or_else(slots)?;
    Some(DiskDevice { bus: DiskBus::VirtioBlk, address, port: None, serial })
}

/// Ports of the SATA controller that are nobody's, lowest first.
fn free_sata_ports(record: &HardwareRecord) -> impl DoubleEndedIterator<Item = u8> + '_ {
    let drivers = record.drivers_cd.as_ref().and_then(|drive| drive.port);
    let on_sata = |disk: &DiskDevice| disk.bus == DiskBus::Sata;
    let disk_at = move |port: u8| {
        let mut disks = record.disks.iter().enumerate();
        disks.any(|(index, disk)| on_sata(disk) && disk.sata_port(index) == port)
    };
    (0..SATA_DISKS_MAX as u8).filter(move |port| !disk_at(*port) && drivers != Some(*port))
}

fn is_free(record: &HardwareRecord, address: PciAddress) -> bool {
    !occupied(record).any(|taken| taken == address)
}

/// A spare root port behind which nothing sits, neither a card nor a disk.
fn free_port(record: &HardwareRecord) -> Option<PciAddress> {
    record.spare.root_ports.iter().copied().find(|port| is_free(record, *port))
}

/// A card for a VM that has its hardware already. Behind a spare root port if one is free, because it can leave from there while the
/// guest runs; otherwise, and only if the VM is off, in the next slot. `None`: there is no room.
pub fn added_nic(record: &HardwareRecord, off: bool, random: &[u8; 16]) -> Option<NicDevice> {
    if record.nics.len() >= NICS_MAX {
        return None;
    }
    let slot = || {
        let mut slots = (0..NICS_MAX as u8).map(|index| PciAddress { slot: FIRST_NIC_SLOT + index, function: 0 });
        slots.find(|slot| is_free(record, *slot)).filter(|_| off)
    };
    // A guest that knows only everyday cards gets another of them.
    let model = record.nics.first().map_or(NicModel::Virtio, |nic| nic.model);
    Some(NicDevice { model, address: free_port(record).or_else(slot)?, mac: nic(0, random, Drivers::Virtio).mac })
}

/// A CD drive for a VM that has its hardware already. Its controller is the machine's own, so only a VM that is off can be given one.
pub fn cd_drive() -> DiskDevice {
    DiskDevice { bus: DiskBus::Sata, address: SATA, port: None, serial: "cd".into() }
}

/// A second CD drive for a VM that is off, on the last port that is free: disks fill them from the first on. `None`: there is none.
pub fn drivers_drive(record: &HardwareRecord) -> Option<DiskDevice> {
    let port = free_sata_ports(record).next_back()?;
    Some(DiskDevice { bus: DiskBus::Sata, address: SATA, port: Some(port), serial: "drivers".into() })
}

/// Where devices sit, spare ports without one not counted.
fn occupied(record: &HardwareRecord) -> impl Iterator<Item = PciAddress> + '_ {
    let disks = record.disks.iter().chain(&record.seed).map(|disk| disk.address);
    disks.chain(record.nics.iter().map(|nic| nic.address))
}

/// Cards made together differ in the last byte of their MAC address.
fn nic(index: u8, random: &[u8; 16], drivers: Drivers) -> NicDevice {
    let mut bytes = [0; 6];
    bytes.copy_from_slice(&random[..6]);
    bytes[5] = bytes[5].wrapping_add(index);
    let model = match drivers {
        Drivers::Virtio => NicModel::Virtio,
        Drivers::Everyday => NicModel::E1000e,
    };
    let address = PciAddress { slot: FIRST_NIC_SLOT + index, function: 0 };
    NicDevice { model, address, mac: MacAddress::local(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use uuid::Uuid;

    fn request(firmware: Firmware, disks: usize, nics: usize, seed: bool, random: [u8; 16]) -> HardwareRequest {
        HardwareRequest {
            id: VmId(Uuid::from_bytes(random)),
            firmware,
            disks,
            nics,
            seed,
            machine: default_machine(),
            cpu: default_cpu(),
            random,
            cd: false,
            drivers: Drivers::Virtio,
            tpm: false,
            secure_boot: false,
            windows: false,
        }
    }

    fn addresses(record: &HardwareRecord) -> Vec<PciAddress> {
        let HardwareRecord { disks, nics, seed, display, usb, rng, balloon, spare, .. } = record;
        let SpareSlots { root_ports, virtio_mem } = spare;
        let own = |disk: &&DiskDevice| disk.bus != DiskBus::Sata;
        let mut all: Vec<_> = disks.iter().chain(seed).filter(own).map(|disk| disk.address).collect();
        all.extend(nics.iter().map(|nic| nic.address));
        all.extend([display, usb, rng, balloon, virtio_mem].into_iter().flatten());
        all.extend(root_ports);
        all
    }

    fn any_request() -> impl Strategy<Value = HardwareRequest> {
        let firmware = prop_oneof![Just(Firmware::Bios), Just(Firmware::Uefi), Just(Firmware::Direct)];
        let drivers = prop_oneof![Just(Drivers::Virtio), Just(Drivers::Everyday)];
        let (disks, nics) = (0..2 * DISKS_MAX, 0..2 * NICS_MAX);
        (firmware, disks, nics, any::<bool>(), any::<[u8; 16]>(), any::<bool>(), drivers).prop_map(
            |(firmware, disks, nics, seed, random, cd, drivers)| HardwareRequest {
                cd,
                drivers,
                ..request(firmware, disks, nics, seed, random)
            },
        )
    }

    proptest! {
        #[test]
        fn no_address_is_given_twice_and_none_is_the_machines_own(request in any_request()) {
            let all = addresses(&plan(&request));
            prop_assert_eq!(all.iter().collect::<BTreeSet<_>>().len(), all.len());
            prop_assert!(all.iter().all(|address| (1..0x1f).contains(&address.slot) && address.function < 8));
        }

        #[test]
        fn the_same_request_gives_the_same_record(request in any_request()) {
            prop_assert_eq!(plan(&request), plan(&request));
        }

        #[test]
        fn what_is_added_moves_nothing(request in any_request()) {
            let before = plan(&request);
            let more = HardwareRequest { disks: request.disks + 1, seed: true, cd: true, nics: request.nics + 1, ..request };
            let after = plan(&more);
            prop_assert_eq!(&before.disks[..], &after.disks[..before.disks.len()]);
            prop_assert_eq!((before.display, before.usb), (after.display, after.usb));
            prop_assert_eq!((before.rng, before.balloon), (after.rng, after.balloon));
            prop_assert!(before.nics.iter().all(|nic| after.nics.contains(nic)));
            prop_assert_eq!(before.spare, after.spare);
        }

        #[test]
        fn a_card_that_is_added_has_a_place_of_its_own(request in any_request(), off: bool, random: [u8; 16]) {
            let mut record = plan(&request);
            while let Some(nic) = added_nic(&record, off, &random) {
                prop_assert!(!occupied(&record).any(|taken| taken == nic.address));
                prop_assert!(off || record.is_on_port(nic.address));
                record.nics.push(nic);
            }
            let most = if off { NICS_MAX } else { NICS_MAX.min(request.nics + usize::from(SPARE_PORTS)) };
            prop_assert_eq!(record.nics.len(), most);
        }

        /// Cards and disks share the spare ports: none is given twice.
        #[test]
        fn what_is_added_has_a_place_of_its_own(request in any_request(), steps in prop::collection::vec(any::<(bool, bool)>(), 0..24)) {
            let mut record = plan(&request);
            for (number, (is_disk, off)) in steps.into_iter().enumerate() {
                if is_disk {
                    let Some(disk) = added_disk(&record, 1000 + number as u32, off) else { continue };
                    if disk.bus == DiskBus::Sata {
                        let taken = record.disks.iter().enumerate().map(|(index, disk)| disk.sata_port(index));
                        prop_assert!(off && !taken.collect::<Vec<_>>().contains(&disk.port.unwrap()));
                        prop_assert!(usize::from(disk.port.unwrap()) < SATA_DISKS_MAX);
                    } else {
                        prop_assert!(is_free(&record, disk.address));
                        prop_assert!(off || record.is_on_port(disk.address));
                    }
                    record.disks.push(disk);
                } else if let Some(nic) = added_nic(&record, off, &request.random) {
                    prop_assert!(is_free(&record, nic.address));
                    record.nics.push(nic);
                }
            }
        }

        #[test]
        fn serials_fit_and_differ(request in any_request()) {
            let record = plan(&request);
            let serials: BTreeSet<_> = record.disks.iter().chain(&record.seed).map(|disk| &disk.serial).collect();
            prop_assert_eq!(serials.len(), record.disks.len() + usize::from(record.seed.is_some()));
            prop_assert!(serials.iter().all(|serial| serial.is_ascii() && serial.len() <= 20));
        }
    }

    #[test]
    fn the_record_of_a_common_vm() {
        let random = [0xca, 0x4e, 0, 0, 0, 0, 0x70, 0, 0x80, 0, 0xde, 0xad, 0xbe, 0xef, 0xca, 0x4e];
        let record = plan(&request(Firmware::Uefi, 1, 1, true, random));
        let text = format!(
            "{} {} display {} usb {} rng {} balloon {} virtio-mem {} spare {:?}\ndisk {} {}\nnic {} {}\nseed {} {}",
            record.machine.0,
            record.cpu.0,
            record.display.unwrap(),
            record.usb.unwrap(),
            record.rng.unwrap(),
            record.balloon.unwrap(),
            record.spare.virtio_mem.unwrap(),
            record.spare.root_ports,
            record.disks[0].address,
            record.disks[0].serial,
            record.nics[0].address,
            record.nics[0].mac,
            record.seed.as_ref().unwrap().address,
            record.seed.as_ref().unwrap().serial,
        );
        assert_eq!(
            text,
            "pc-q35-10.0 Nehalem-v1 display 1.0 usb 7.0 rng 2.0 balloon 3.0 virtio-mem 4.0 spare [6.0, 6.1, 6.2, 6.3]\n\
             disk 10.0 deadbeefca4e-000\n\
             nic 8.0 ca:4e:00:00:00:00\n\
             seed 5.0 cidata"
        );
    }
}
