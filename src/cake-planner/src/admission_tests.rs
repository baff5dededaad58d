use super::*;
use cake_types::GuestOs;
use proptest::prelude::*;
use std::collections::BTreeMap;

const STATES: [VmState; 11] = [
    VmState::Pending,
    VmState::Provisioning,
    VmState::Stopped,
    VmState::Starting,
    VmState::Running,
    VmState::Paused,
    VmState::ShuttingDown,
    VmState::Stopping,
    VmState::Failed,
    VmState::Deleting,
    VmState::Lost,
];

fn image(format: ImageFormat, firmware: &[Firmware], size: ByteSize) -> ImageSpec {
    ImageSpec {
        title: BTreeMap::new(),
        format,
        os: GuestOs::Linux,
        firmware: firmware.to_vec(),
        min_memory: ByteSize::mib(64),
        virtual_size: size,
        sha256: String::new(),
        built_in: true,
        more_disks: Vec::new(),
        machine: None,
    }
}

/// One letter per action in the order of [`Action::ALL`]; `.` is refused.
fn row(state: VmState, power: Power) -> String {
    let now = Situation { state, power, orphaned: false, deleting: false, binned: false };
    let letters = "SDKRPUZNWXACBO".chars();
    Action::ALL.iter().zip(letters).map(|(a, letter)| if legal(*a, now).is_ok() { letter } else { '.' }).collect()
}

#[test]
fn the_drawing_in_the_docs_is_what_the_code_does() {
    let table: Vec<String> = STATES
        .iter()
        .map(|&state| format!("{:13} {} {}", state.as_str(), row(state, Power::Running), row(state, Power::Stopped)))
        .collect();
    assert_eq!(
        table,
        [
            "pending       ..K...ZNWX..B. S.....ZNWX..B.",
            "provisioning  ..K...ZNWX..B. S.....ZNWX..B.",
            "stopped       S.K...ZNWX..B. S.....ZNWX..B.",
            "starting      ..K....N.X.CB. ..K....N.X.CB.",
            "running       .DKRP..NWX.CB. .DKRP..NWX.CB.",
            "paused        ..K..U.NWX.CB. ..K..U.NWX.CB.",
            "shutting-down ..K....N.X.CB. ..K....N.X.CB.",
            "stopping      .......N.X..B. .......N.X..B.",
            "failed        S.K...ZNWX..B. S.....ZNWX..B.",
            "deleting      .............. ..............",
            "lost          .........X.... .........X....",
        ]
    );
}

#[test]
fn an_orphan_can_only_be_adopted() {
    for state in STATES {
        for action in Action::ALL {
            let now = Situation { state, power: Power::Running, orphaned: true, deleting: false, binned: false };
            let allowed = matches!(action, Action::Adopt | Action::Console);
            assert_eq!(legal(action, now).is_ok(), allowed, "{action:?} {state:?}");
        }
    }
}

#[test]
fn from_the_bin_it_is_brought_back_or_deleted() {
    for state in STATES.into_iter().filter(|state| *state != VmState::Deleting) {
        for action in Action::ALL {
            let now = Situation { state, power: Power::Stopped, orphaned: false, deleting: false, binned: true };
            let allowed = matches!(action, Action::Restore | Action::Delete);
            assert_eq!(legal(action, now).is_ok(), allowed, "{action:?} {state:?}");
        }
    }
}

#[test]
fn nothing_is_done_to_what_is_being_deleted() {
    for action in Action::ALL {
        let now = Situation {
            state: VmState::Running,
            power: Power::Running,
            orphaned: false,
            deleting: true,
            binned: false,
        };
        let problem = legal(action, now).unwrap_err();
        assert_eq!(problem.params["state"], "deleting");
        assert_eq!(problem.params["action"], action.as_str());
    }
}

#[test]
fn memory_says_how_much_there_is() {
    let have = ByteSize::gib(8);
    let nothing = memory(ByteSize(0), ByteSize::mib(64), have).unwrap_err();
    assert_eq!(nothing.code, Code::OutOfRange);
    assert_eq!((nothing.params["min"].as_str(), nothing.params["max"].as_str()), ("64 MiB", "8 GiB"));
    let huge = memory(ByteSize(900 << 40), ByteSize::mib(64), have).unwrap_err();
    assert_eq!((huge.code, huge.params["have"].as_str()), (Code::TooMuchMemory, "8 GiB"));
    assert_eq!(huge.params["asked"], "900 TiB");
    assert_eq!(memory(ByteSize((64 << 20) + 1), ByteSize(0), have).unwrap(), ByteSize::mib(65));
}

#[test]
fn processors_are_counted() {
    assert_eq!(cpus(0, 2).unwrap_err().code, Code::OutOfRange);
    assert_eq!(cpus(3, 2).unwrap_err().params["have"], "2");
    assert_eq!(cpus(2, 2).unwrap(), 2);
    assert_eq!(cpus(300, 1024).unwrap_err().params["have"], "255");
}

#[test]
fn a_disk_holds_its_image_and_fits_its_pool() {
    let linux = image(ImageFormat::Raw, &[Firmware::Uefi], ByteSize::mib(100));
    let free = Some(ByteSize::gib(1));
    assert_eq!(disk(None, &linux, "local", free).unwrap(), Some(ByteSize::mib(100)));
    assert_eq!(disk(Some(ByteSize::mib(99)), &linux, "local", free).unwrap_err().code, Code::DiskTooSmall);
    let full = disk(Some(ByteSize::gib(2)), &linux, "local", free).unwrap_err();
    assert_eq!((full.code, full.params["have"].as_str()), (Code::DiskDoesNotFit, "1 GiB"));
    assert_eq!(disk(Some(ByteSize(u64::MAX)), &linux, "local", free).unwrap_err().code, Code::DiskDoesNotFit);
    assert_eq!(disk(Some(ByteSize(100 << 20 | 1)), &linux, "local", None).unwrap().unwrap().bytes() % 512, 0);
    let kernel = image(ImageFormat::Kernel, &[Firmware::Direct], ByteSize(0));
    assert_eq!(disk(None, &kernel, "local", free).unwrap(), None);
    assert_eq!(disk(Some(ByteSize::gib(1)), &kernel, "local", free).unwrap_err().code, Code::Invalid);
}

#[test]
fn firmware_fits_the_image() {
    let both = image(ImageFormat::Raw, &[Firmware::Uefi, Firmware::Bios], ByteSize(1));
    assert_eq!(firmware(None, &both, "x").unwrap(), Firmware::Uefi);
    assert_eq!(firmware(Some(Firmware::Bios), &both, "x").unwrap(), Firmware::Bios);
    assert_eq!(firmware(Some(Firmware::Direct), &both, "x").unwrap_err().code, Code::FirmwareUnfit);
    let kernel = image(ImageFormat::Kernel, &[], ByteSize(0));
    assert_eq!(firmware(None, &kernel, "x").unwrap(), Firmware::Direct);
}

proptest! {
    #[test]
    fn what_is_accepted_fits(asked: u64, least: u64, have: u64) {
        if let Ok(size) = memory(ByteSize(asked), ByteSize(least), ByteSize(have)) {
            prop_assert!(asked <= have && asked >= least && size.bytes() >= asked && size.bytes() - asked < 1 << 20);
        }
        let spec = image(ImageFormat::Raw, &[], ByteSize(least.max(1)));
        if let Ok(Some(size)) = disk(Some(ByteSize(asked)), &spec, "p", Some(ByteSize(have))) {
            prop_assert!(size.bytes() >= least && size.bytes() <= have);
        }
    }
}

#[test]
fn a_tpm_and_secure_boot_are_where_the_firmware_has_them() {
    use GuestOs::{Linux, Windows};
    let yes = Trust { tpm: true, secure_boot: true };
    for (tpm, secure_boot, firmware, os, expected) in [
        (None, None, Firmware::Uefi, Windows, Ok(yes)),
        (None, None, Firmware::Bios, Windows, Ok(Trust::default())),
        (None, None, Firmware::Uefi, Linux, Ok(Trust::default())),
        (Some(false), Some(false), Firmware::Uefi, Windows, Ok(Trust::default())),
        (Some(true), Some(true), Firmware::Uefi, Linux, Ok(yes)),
        (Some(true), None, Firmware::Bios, Linux, Ok(Trust { tpm: true, secure_boot: false })),
        (None, Some(true), Firmware::Bios, Linux, Err("/secure_boot")),
        (Some(true), None, Firmware::Direct, Linux, Err("/tpm")),
        (None, Some(true), Firmware::Direct, Linux, Err("/secure_boot")),
    ] {
        let usual = crate::defaults::trust(&ImageSpec { os, ..image(ImageFormat::Raw, &[], ByteSize(512)) }, firmware);
        let is = trust(tpm, secure_boot, firmware, usual);
        let is = is.as_ref().map(|trust| *trust).map_err(|problem| problem.pointer.as_deref().unwrap());
        assert_eq!(is, expected, "{tpm:?} {secure_boot:?} {firmware:?} {os:?}");
    }
}
