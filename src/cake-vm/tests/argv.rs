//! Record → argv, as committed text: a change of what guests see is a change of these files, seen by whoever reviews it.

use cake_planner::hardware;
use cake_types::{
    Accelerator, Authority, ByteSize, CloudInit, DiskSpec, Drivers, Firmware, HardwareRequest, ImageId, Network,
    NicSpec, PoolId, Power, Restart, TcgReason, VmId, VmSpec,
};
use cake_vm::argv::{ArgvError, argv};
use std::path::Path;
use uuid::Uuid;

const TCG: Accelerator = Accelerator::Tcg { because: TcgReason::NoDevice };

fn spec(firmware: Firmware, disks: usize, network: Network, seed: bool) -> VmSpec {
    spec_for(firmware, disks, network, seed, None)
}

/// `drivers`: of a guest with a CD drive.
fn spec_for(firmware: Firmware, disks: usize, network: Network, seed: bool, drivers: Option<Drivers>) -> VmSpec {
    let id = VmId(Uuid::from_u128(0x01a2_06f1_dfa4_74ca_8721_6c17_6b59_7a83));
    let hardware = hardware::plan(&HardwareRequest {
        id,
        firmware,
        disks,
        nics: usize::from(network == Network::Nat),
        seed,
        machine: hardware::default_machine(),
        cpu: hardware::default_cpu(),
        random: [0xca, 0x4e, 0x12, 0x34, 0x56, 0x78, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        cd: drivers.is_some(),
        drivers: drivers.unwrap_or(Drivers::Virtio),
        tpm: false,
        secure_boot: false,
        windows: false,
    });
    let disk = DiskSpec::own(ByteSize::gib(2), PoolId(Uuid::nil()), None, None);
    VmSpec {
        power: Power::Running,
        restart: Restart::OnCrash,
        authority: Authority::Local,
        cpus: 2,
        memory: ByteSize::mib(512),
        firmware,
        disks: vec![disk; disks],
        kernel: (firmware == Firmware::Direct).then_some(ImageId(Uuid::nil())),
        cd: drivers.map(|_| ImageId(Uuid::nil())),
        cd_by_force: false,
        drivers: None,
        removed_disks: Vec::new(),
        detached_disks: Vec::new(),
        network,
        nics: Vec::new(),
        cloud_init: seed.then(|| CloudInit { hostname: "web".parse().unwrap(), users: Vec::new(), user_data: None }),
        hardware,
        made_from: None,
        deleting: false,
        binned: None,
        restored: None,
        tags: Default::default(),
        priority: Default::default(),
    }
}

/// One flag with its value per line.
fn transcript(args: &[String]) -> String {
    let mut text = String::new();
    for arg in args {
        if !text.is_empty() {
            text.push(if arg.starts_with('-') { '\n' } else { ' ' });
        }
        text.push_str(arg);
    }
    text + "\n"
}

/// `CAKE_UPDATE_GOLDEN=1` writes the files anew.
fn check(name: &str, spec: &VmSpec, accelerator: Accelerator, paused: bool) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let is = transcript(&argv(spec, accelerator, paused).unwrap().args);
    if std::env::var_os("CAKE_UPDATE_GOLDEN").is_some() {
        std::fs::write(&path, &is).unwrap();
    }
    let should = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(is, should, "{} differs; CAKE_UPDATE_GOLDEN=1 accepts what is so", path.display());
}

#[test]
fn bios_with_seed_and_network() {
    check("bios-seed-nat-tcg.argv", &spec(Firmware::Bios, 1, Network::Nat, true), TCG, false);
}

/// VMs from before there were screens: not one argument of theirs changes.
#[test]
fn a_record_without_a_screen_gives_what_it_always_gave() {
    let before = |firmware, disks, network, seed| {
        let mut spec = spec(firmware, disks, network, seed);
        spec.hardware.usb = None;
        spec
    };
    check("before-screens-bios.argv", &before(Firmware::Bios, 1, Network::Nat, true), TCG, false);
    check("before-screens-uefi.argv", &before(Firmware::Uefi, 1, Network::Nat, false), Accelerator::Kvm, false);
}

/// A bridged card in the first slot, one with forwards behind a spare port; the tap's number follows the files'.
#[test]
fn bridged_and_forwarded() {
    let mut spec = spec(Firmware::Bios, 1, Network::Nat, true);
    let added = hardware::added_nic(&spec.hardware, false, &[7; 16]).unwrap();
    spec.hardware.nics.push(added);
    let forwards = ["tcp:8080:80", "udp:5353:53"].map(|text| text.parse().unwrap()).to_vec();
    spec.set_nics(vec![NicSpec::Bridged { bridge: "br0".parse().unwrap() }, NicSpec::Nat { forwards }]);
    check("bios-seed-bridged-forwards-tcg.argv", &spec, TCG, false);
    let made = argv(&spec, TCG, false).unwrap();
    assert_eq!((made.taps, made.files.len()), (1, 2));
    // An older program finds a card that its `network` does not have, and leaves the VM alone.
    assert_eq!(spec.network, Network::None);
    spec.hardware.nics.pop();
    assert_eq!(argv(&spec, TCG, false), Err(ArgvError::Differs("network cards")));
}

/// A disk that came later sits behind a spare port; one that was taken away leaves the others what and where they are.
#[test]
fn disks_that_came_and_went() {
    let add = |spec: &mut VmSpec, off| {
        let number = spec.next_disk_number();
        spec.hardware.disks.push(hardware::added_disk(&spec.hardware, number, off).unwrap());
        let size = ByteSize::gib(1);
        spec.disks.push(DiskSpec::own(size, PoolId(Uuid::nil()), None, Some(number)));
    };
    let mut virtio = spec(Firmware::Bios, 3, Network::Nat, false);
    add(&mut virtio, false);
    virtio.remove_disk(1);
    add(&mut virtio, false);
    check("disks-came-and-went-virtio.argv", &virtio, TCG, false);
    let mut sata = spec_for(Firmware::Bios, 2, Network::None, false, Some(Drivers::Everyday));
    add(&mut sata, true);
    sata.remove_disk(1);
    check("disks-came-and-went-sata.argv", &sata, TCG, false);
}

#[test]
fn uefi_under_kvm() {
    check("uefi-nat-kvm.argv", &spec(Firmware::Uefi, 1, Network::Nat, false), Accelerator::Kvm, false);
}

#[test]
fn uefi_with_many_disks_and_no_network() {
    check("uefi-17-disks-seed-none-tcg.argv", &spec(Firmware::Uefi, 17, Network::None, true), TCG, false);
}

#[test]
fn installed_from_a_cd() {
    let everyday = spec_for(Firmware::Bios, 2, Network::Nat, false, Some(Drivers::Everyday));
    check("cd-everyday-bios.argv", &everyday, TCG, false);
    let mut virtio = spec_for(Firmware::Uefi, 1, Network::Nat, false, Some(Drivers::Virtio));
    check("cd-virtio-uefi.argv", &virtio, TCG, false);
    virtio.cd = None;
    check("cd-empty-uefi.argv", &virtio, TCG, false);
    virtio.cd = Some(ImageId(Uuid::nil()));
    (virtio.drivers, virtio.hardware.drivers_cd) = (virtio.cd, hardware::drivers_drive(&virtio.hardware));
    check("cd-drivers-uefi.argv", &virtio, TCG, false);
    virtio.hardware.drivers_cd = None;
    assert_eq!(argv(&virtio, TCG, false), Err(ArgvError::Differs("the drivers' CD drive")));
    virtio.drivers = None;
    virtio.hardware.cd = None;
    assert_eq!(argv(&virtio, TCG, false), Err(ArgvError::Differs("the CD drive")));
    let six = spec_for(Firmware::Bios, 6, Network::Nat, false, Some(Drivers::Everyday));
    assert_eq!(argv(&six, TCG, false), Err(ArgvError::Disks { spec: 6, record: 5 }));
}

/// What Windows 11 asks for. Hyper-V's interface is KVM's to give.
#[test]
fn made_for_windows() {
    let mut windows = spec_for(Firmware::Uefi, 1, Network::Nat, false, Some(Drivers::Everyday));
    (windows.hardware.tpm, windows.hardware.secure_boot, windows.hardware.windows) = (true, true, true);
    check("windows-uefi-kvm.argv", &windows, Accelerator::Kvm, false);
    check("windows-uefi-tcg.argv", &windows, TCG, false);
    assert!(argv(&windows, TCG, false).unwrap().tpm);
    windows.firmware = Firmware::Bios;
    windows.hardware.firmware = Firmware::Bios;
    assert_eq!(argv(&windows, TCG, false), Err(ArgvError::Unsupported("Secure Boot without UEFI")));
}

/// The connection to the TPM comes after the taps.
#[test]
fn a_tpm_beside_a_bridged_card() {
    let mut bridged = spec(Firmware::Bios, 1, Network::Nat, true);
    bridged.set_nics(vec![NicSpec::Bridged { bridge: "br0".parse().unwrap() }]);
    bridged.hardware.tpm = true;
    let made = argv(&bridged, TCG, false).unwrap();
    assert_eq!((made.files.len(), made.taps, made.tpm), (2, 1, true));
    assert!(made.args.contains(&"socket,id=tpm,fd=9".to_owned()), "{:?}", made.args);
}

#[test]
fn direct_and_paused() {
    check("direct-none-tcg-paused.argv", &spec(Firmware::Direct, 0, Network::None, false), TCG, true);
}

#[test]
fn what_would_add_arguments_is_refused() {
    let good = spec(Firmware::Bios, 1, Network::Nat, true);
    let mut spec = good.clone();
    spec.hardware.machine.0 = "pc-q35-10.0,kernel=/etc/passwd".into();
    assert!(matches!(argv(&spec, TCG, false), Err(ArgvError::Word { what: "the machine type", .. })));
    let mut spec = good.clone();
    spec.hardware.cpu.0 = "-S".into();
    assert!(matches!(argv(&spec, TCG, false), Err(ArgvError::Word { .. })));
    let mut spec = good.clone();
    spec.hardware.disks[0].serial = "x,drive=seed".into();
    assert!(matches!(argv(&spec, TCG, false), Err(ArgvError::Word { what: "a disk's serial", .. })));
    let mut spec = good.clone();
    spec.hardware.disks.clear();
    assert_eq!(argv(&spec, TCG, false), Err(ArgvError::Disks { spec: 1, record: 0 }));
    let mut spec = good.clone();
    spec.hardware.cpu.0 = "host".into();
    assert!(argv(&spec, TCG, false).is_err());
    let mut spec = good;
    spec.hardware.version = 2;
    assert_eq!(argv(&spec, TCG, false), Err(ArgvError::Version(2)));
}
