//! Hardware record + spec → QEMU's arguments. A pure function: the golden files in `tests/golden` are its transcripts.
//!
//! Everything that comes from outside is either a number, a type with its own narrow form, or checked by [`plain`], because
//! QEMU's arguments are lists that a comma can extend.

pub(crate) mod devices;

use crate::cards::cards;
use cake_types::{Accelerator, DiskBus, Firmware, HARDWARE_VERSION, HardwareRecord, VmSpec};
use devices::{balloon, cd, disk, display, drivers_cd, nic, rng, screen, seed, spare_ports, tpm};

/// Descriptors that QEMU inherits: two listening sockets as the launcher passes them, the lock, then its files.
pub const QMP_FD: i32 = 3;
pub const SERIAL_FD: i32 = 4;
pub const LOCK_FD: i32 = 5;
/// Where the helper is given the first tap; it puts all of them after the files.
pub(crate) const FIRST_TAP_FD: i32 = 5;
pub const FIRST_FILE_FD: i32 = 6;

/// The name of the kernel of [`Firmware::Direct`] in the folder of files that QEMU can't take as descriptors.
pub const KERNEL_NAME: &str = "kernel";
/// QEMU in the engine root.
pub const QEMU_PATH: &str = "/usr/bin/qemu-system-x86_64";
/// The character device that keeps the last output, and how much, in bytes.
pub const SERIAL_RING: &str = "serial-ring";
pub const SERIAL_KEPT: usize = 64 * 1024;

/// The port of the SATA controller that is the CD drive's; those before it are disks'.
const CD_PORT: usize = 5;

const UEFI_CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
/// It keeps its variables from everybody but itself (system management mode).
const UEFI_CODE_SECURE: &str = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";

/// What UEFI variables start from; for Secure Boot with Microsoft's keys in them.
pub fn uefi_variables_template(hardware: &HardwareRecord) -> &'static str {
    if hardware.secure_boot { "usr/share/OVMF/OVMF_VARS_4M.ms.fd" } else { "usr/share/OVMF/OVMF_VARS_4M.fd" }
}

/// Files that QEMU gets as descriptors, in the order of [`Argv::files`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileRole {
    UefiVariables,
    /// The index of the spec's disk.
    Disk(usize),
    Seed,
    /// What lies in the CD drive.
    Cd,
    DriversCd,
}

/// QEMU's arguments, and the descriptors that they refer to from [`FIRST_FILE_FD`] on: first the files, then the taps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argv {
    pub args: Vec<String>,
    pub files: Vec<FileRole>,
    /// So many network cards are bridged; their taps come in the order of the cards.
    pub taps: usize,
    /// The connection to its TPM comes after the taps.
    pub tpm: bool,
}

/// Why a record can't become a machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ArgvError {
    #[error("the hardware record has version {0}, this program knows {HARDWARE_VERSION}")]
    Version(u32),
    #[error("the spec has {spec} disks, the hardware record {record}")]
    Disks { spec: usize, record: usize },
    #[error("the spec and the hardware record differ in {0}")]
    Differs(&'static str),
    #[error("{what} is not a plain word: {word:?}")]
    Word { what: &'static str, word: String },
    #[error("{0} needs a graphics card in the hardware record")]
    NoDisplay(&'static str),
    #[error("{0} is not supported by this version")]
    Unsupported(&'static str),
}

/// Collects arguments and files.
struct Builder {
    args: Vec<String>,
    files: Vec<FileRole>,
    taps: usize,
}

impl Builder {
    fn flag(&mut self, flag: &str) {
        self.args.push(flag.into());
    }

    fn pair(&mut self, flag: &str, value: impl Into<String>) {
        self.args.push(flag.into());
        self.args.push(value.into());
    }

    /// Hands a file over; gives the name under which QEMU opens it.
    fn file(&mut self, role: FileRole) -> String {
        let index = self.files.len();
        self.files.push(role);
        self.pair("-add-fd", format!("fd={},set={}", FIRST_FILE_FD + index as i32, index + 1));
        format!("/dev/fdset/{}", index + 1)
    }

    /// The number of the next tap. From here on no file may be handed over.
    fn tap(&mut self) -> i32 {
        self.taps += 1;
        FIRST_FILE_FD + (self.files.len() + self.taps - 1) as i32
    }
}

/// The arguments of a VM. `paused`: the processors wait for `cont`.
pub fn argv(spec: &VmSpec, accelerator: Accelerator, paused: bool) -> Result<Argv, ArgvError> {
    let hardware = &spec.hardware;
    check(spec, hardware)?;
    let mut builder = Builder { args: vec![QEMU_PATH.into()], files: Vec::new(), taps: 0 };
    process(&mut builder, hardware, paused);
    machine(&mut builder, spec, accelerator)?;
    channels(&mut builder);
    firmware(&mut builder, hardware);
    spare_ports(&mut builder, &hardware.spare);
    display(&mut builder, hardware)?;
    screen(&mut builder, hardware);
    rng(&mut builder, hardware);
    balloon(&mut builder, hardware);
    for (index, device) in hardware.disks.iter().enumerate() {
        disk(&mut builder, spec, index, device)?;
    }
    if let Some(device) = &hardware.seed {
        seed(&mut builder, hardware, device)?;
    }
    if let Some(device) = &hardware.cd {
        cd(&mut builder, device, spec.cd.is_some(), hardware.disks.len())?;
    }
    if let Some(device) = &hardware.drivers_cd {
        drivers_cd(&mut builder, device)?;
    }
    for card in cards(spec) {
        nic(&mut builder, &card);
    }
    if hardware.tpm {
        tpm(&mut builder);
    }
    Ok(Argv { args: builder.args, files: builder.files, taps: builder.taps, tpm: hardware.tpm })
}

fn check(spec: &VmSpec, hardware: &HardwareRecord) -> Result<(), ArgvError> {
    if hardware.version != HARDWARE_VERSION {
        return Err(ArgvError::Version(hardware.version));
    }
    if spec.disks.len() != hardware.disks.len() {
        return Err(ArgvError::Disks { spec: spec.disks.len(), record: hardware.disks.len() });
    }
    if spec.firmware != hardware.firmware {
        return Err(ArgvError::Differs("firmware"));
    }
    if spec.nics().len() != hardware.nics.len() {
        return Err(ArgvError::Differs("network cards"));
    }
    if spec.cloud_init.is_some() && hardware.seed.is_none() {
        return Err(ArgvError::Differs("the cloud-init seed"));
    }
    if (spec.firmware == Firmware::Direct) != spec.kernel.is_some() {
        return Err(ArgvError::Differs("the kernel"));
    }
    if spec.cd.is_some() && hardware.cd.is_none() {
        return Err(ArgvError::Differs("the CD drive"));
    }
    if spec.drivers.is_some() != hardware.drivers_cd.is_some() {
        return Err(ArgvError::Differs("the drivers' CD drive"));
    }
    if hardware.secure_boot && hardware.firmware != Firmware::Uefi {
        return Err(ArgvError::Unsupported("Secure Boot without UEFI"));
    }
    if hardware.seed.as_ref().is_some_and(|seed| seed.bus != DiskBus::VirtioBlk) {
        return Err(ArgvError::Unsupported("a seed that is no virtio disk"));
    }
    if hardware
        .disks
        .iter()
        .enumerate()
        .any(|(index, disk)| disk.bus == DiskBus::Sata && usize::from(disk.sata_port(index)) >= CD_PORT)
    {
        return Err(ArgvError::Unsupported("a sixth SATA disk"));
    }
    plain("the machine type", &hardware.machine.0)?;
    plain("the processor model", &hardware.cpu.0)
}

/// A word that can't end an argument or begin another.
fn plain(what: &'static str, word: &str) -> Result<(), ArgvError> {
    let fits = !word.is_empty() && word.len() <= 64 && !word.starts_with('-');
    if fits && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte)) {
        Ok(())
    } else {
        Err(ArgvError::Word { what, word: word.into() })
    }
}

/// What QEMU is as a process, and what it does when the guest ends.
fn process(builder: &mut Builder, hardware: &HardwareRecord, paused: bool) {
    builder.pair("-name", hardware.uuid.to_string());
    builder.flag("-nodefaults");
    builder.flag("-no-user-config");
    builder.pair("-display", "none");
    builder.pair("-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny");
    builder.pair("-msg", "timestamp=on");
    // A guest that ended is held, so that we learn of it even if we were not there when it happened.
    builder.pair("-action", "reboot=reset,shutdown=pause,panic=pause,watchdog=reset");
    if paused {
        builder.flag("-S");
    }
}

fn machine(builder: &mut Builder, spec: &VmSpec, accelerator: Accelerator) -> Result<(), ArgvError> {
    let hardware = &spec.hardware;
    let accel = match accelerator {
        Accelerator::Kvm => "kvm",
        Accelerator::Tcg { .. } if hardware.cpu.0 == "host" => return Err(ArgvError::Unsupported("this processor")),
        Accelerator::Tcg { .. } => "tcg",
    };
    let pflash = match hardware.firmware {
        Firmware::Uefi => ",pflash0=uefi-code,pflash1=uefi-variables",
        Firmware::Bios | Firmware::Direct => "",
    };
    let smm = if hardware.secure_boot { ",smm=on" } else { "" };
    let sata =
        hardware.disks.iter().chain(&hardware.cd).chain(&hardware.drivers_cd).any(|disk| disk.bus == DiskBus::Sata);
    let sata = if sata { "on" } else { "off" };
    builder.pair(
        "-machine",
        format!(
            "{},accel={accel},memory-backend=ram0,aux-ram-share=on,vmport=off,usb=off,sata={sata},hpet=off,\
             dump-guest-core=off{pflash}{smm}",
            hardware.machine.0
        ),
    );
    let memory = spec.memory.mib_ceil();
    let share = if hardware.shared_memory { "on" } else { "off" };
    builder.pair("-object", format!("memory-backend-memfd,id=ram0,size={memory}M,share={share}"));
    // Address space for virtio-mem to grow into: it costs nothing until it is used.
    builder.pair("-m", format!("size={memory}M,slots=0,maxmem={}M", memory.saturating_mul(4).min(1 << 24).max(memory)));
    builder.pair("-cpu", format!("{}{}", hardware.cpu.0, enlightenments(hardware, accelerator)));
    builder.pair("-smp", format!("cpus={0},sockets=1,cores={0},threads=1", spec.cpus));
    builder.pair("-uuid", hardware.uuid.to_string());
    builder.pair("-smbios", format!("type=1,manufacturer=cake,product=cake VM,uuid={}", hardware.uuid));
    let base = if hardware.windows { "localtime" } else { "utc" };
    builder.pair("-rtc", format!("base={base},clock=host,driftfix=slew"));
    builder.pair("-global", "ICH9-LPC.disable_s3=1");
    builder.pair("-global", "ICH9-LPC.disable_s4=1");
    builder.pair("-boot", "strict=on");
    Ok(())
}

/// What Windows knows of its hypervisor, so that it neither spins nor asks for the time in vain (Hyper-V's interface, as KVM has it).
fn enlightenments(hardware: &HardwareRecord, accelerator: Accelerator) -> &'static str {
    match accelerator {
        Accelerator::Kvm if hardware.windows => {
            ",hv-relaxed=on,hv-vapic=on,hv-spinlocks=0x1fff,hv-time=on,hv-vpindex=on,hv-runtime=on,hv-synic=on,\
             hv-stimer=on,hv-frequencies=on,hv-reset=on"
        }
        Accelerator::Kvm | Accelerator::Tcg { .. } => "",
    }
}

/// QMP, and the first serial port: one reader at a time, and a ring that keeps the last output for whoever comes later.
/// With nobody connected both drop what they can't take, so the guest is never held up. The port waits for its first reader,
/// who is in the queue before QEMU is executed, so it never really waits and the first byte is not missed.
fn channels(builder: &mut Builder) {
    builder.pair("-chardev", format!("socket,id=qmp,fd={QMP_FD},server=on,wait=off"));
    builder.pair("-mon", "chardev=qmp,mode=control");
    builder.pair("-chardev", format!("socket,id=serial-socket,fd={SERIAL_FD},server=on,wait=on"));
    builder.pair("-chardev", format!("ringbuf,id={SERIAL_RING},size={SERIAL_KEPT}"));
    builder.pair("-chardev", format!("hub,id=serial0,chardevs.0=serial-socket,chardevs.1={SERIAL_RING}"));
    builder.pair("-device", "isa-serial,chardev=serial0");
}

fn firmware(builder: &mut Builder, hardware: &HardwareRecord) {
    match hardware.firmware {
        Firmware::Bios => {}
        Firmware::Uefi => {
            let code = if hardware.secure_boot { UEFI_CODE_SECURE } else { UEFI_CODE };
            if hardware.secure_boot {
                builder.pair("-global", "driver=cfi.pflash01,property=secure,value=on");
            }
            builder.pair(
                "-blockdev",
                format!("driver=raw,node-name=uefi-code,read-only=on,file.driver=file,file.filename={code}"),
            );
            let name = builder.file(FileRole::UefiVariables);
            builder.pair(
                "-blockdev",
                format!("driver=raw,node-name=uefi-variables,file.driver=file,file.filename={name}"),
            );
        }
        Firmware::Direct => builder.pair("-kernel", format!("{}/{KERNEL_NAME}", cake_host::cage::FOLDER)),
    }
}
