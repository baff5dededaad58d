//! Hardware → the words that QEMU is started with. Nothing is done here.

use super::disk::DiskFile;
use super::hardware::{Hardware, Management, Network};
use super::lan::Plug;
use serde_json::{Value, json};
use std::path::Path;

/// A named baseline (`max` turns on 5-level paging under TCG, with which a kernel panicked) with what every server of the last ten
/// years has, and without the virtualisation that TCG would emulate inside of the emulation.
const CPU: &str = "qemu64,-svm,+ssse3,+sse4.1,+sse4.2,+popcnt,+aes,+pclmulqdq,+sha-ni,+rdrand,+rdseed";

/// The sockets on which the harness listens for QEMU, in the machine's folder.
pub(super) const QMP: &str = "qmp.sock";
pub(super) const SERIAL: &str = "serial.sock";
pub(super) const SHELL: &str = "shell.sock";
/// On which its TPM listens.
pub(super) const TPM: &str = "tpm.sock";

/// What the machine is connected with.
pub(super) struct Connected<'a> {
    /// Where the sockets lie.
    pub folder: &'a Path,
    pub disks: &'a [DiskFile],
    /// Its place on a wire.
    pub plug: Option<&'a Plug>,
    /// The port of loopback on which its BMC, outside of it, listens for it.
    pub bmc: Option<u16>,
}

/// Everything but the firmware.
pub(super) fn arguments(hardware: &Hardware, connected: &Connected<'_>) -> Vec<String> {
    let mut words = Words::default();
    words.plain(&["-name", &hardware.name, "-nodefaults", "-no-user-config", "-display", "none"]);
    processor(hardware, &mut words);
    lines(hardware, connected.folder, &mut words);
    words.json("-device", &json!({ "driver": "VGA" }));
    // Without it OVMF has no random numbers, and without those no network.
    words.json("-device", &json!({ "driver": "virtio-rng-pci" }));
    words.json("-device", &json!({ "driver": "qemu-xhci", "id": "usb" }));
    let first = usize::from(hardware.http_boot);
    for (number, disk) in connected.disks.iter().enumerate() {
        let [block, device] = disk.arguments(number + first);
        words.json("-blockdev", &block);
        words.json("-device", &device);
    }
    let order = if hardware.http_boot { 0 } else { connected.disks.len() };
    network(hardware, connected.plug, order, &mut words);
    management(hardware, connected.bmc, &mut words);
    words.0
}

fn management(hardware: &Hardware, port: Option<u16>, words: &mut Words) {
    match (hardware.bmc, port) {
        (Some(Management::Within), _) => words.json("-device", &json!({ "driver": "ipmi-bmc-sim", "id": "bmc" })),
        (Some(Management::OnNetwork), Some(port)) => {
            words.plain(&["-chardev", &format!("socket,id=bmc,host=127.0.0.1,port={port},reconnect-ms=500")]);
            words.json("-device", &json!({ "driver": "ipmi-bmc-extern", "id": "bmc", "chardev": "bmc" }));
        }
        (None, _) | (Some(Management::OnNetwork), None) => return,
    }
    words.json("-device", &json!({ "driver": "isa-ipmi-kcs", "bmc": "bmc" }));
}

fn processor(hardware: &Hardware, words: &mut Words) {
    // A kernel tries whether the timer of the old interrupt controller works, and panics when it comes late, as it does when the
    // emulator has to wait for a processor. `no_timer_check` would forbid that, but a signed command line can't be added to; with
    // no such controller, as in a machine of today, there is nothing to try.
    let smm = if hardware.signer.is_some() { "on" } else { "off" };
    words.plain(&["-machine", &format!("q35,pic=off,smm={smm}"), "-accel", "tcg,thread=multi", "-cpu", CPU]);
    words.plain(&["-smp", &hardware.cpus.to_string(), "-m", &hardware.memory.mib_ceil().to_string()]);
}

/// What the harness speaks with.
fn lines(hardware: &Hardware, folder: &Path, words: &mut Words) {
    // QEMU connects to the harness, not the other way round: so nobody has to try until somebody listens.
    let socket = |id: &str, name: &str| format!("socket,id={id},path={},server=off", folder.join(name).display());
    words.plain(&["-chardev", &socket("qmp", QMP), "-mon", "chardev=qmp,mode=control"]);
    words.plain(&["-chardev", &socket("serial", SERIAL), "-serial", "chardev:serial"]);
    if hardware.shell {
        words.plain(&["-chardev", &socket("shell", SHELL), "-serial", "chardev:shell"]);
    }
    if hardware.tpm {
        words.plain(&["-chardev", &socket("tpm", TPM), "-tpmdev", "emulator,id=tpm,chardev=tpm"]);
        words.json("-device", &json!({ "driver": "tpm-crb", "tpmdev": "tpm" }));
    }
}

/// The address of a network card on QEMU's own network.
pub(super) const CARD: &str = "52:54:00:ca:4e:ff";
/// And of the one whose cable leads nowhere.
const SPARE_CARD: &str = "52:54:00:ca:4e:fe";

fn network(hardware: &Hardware, plug: Option<&Plug>, order: usize, words: &mut Words) {
    let mac = plug.map_or(CARD, |plug| &plug.mac);
    match (&hardware.network, plug) {
        // Port 0: the kernel chooses one, so that machines can stand side by side. Restricted: nothing reaches the Internet.
        (Network::User { https }, _) => {
            words.plain(&["-netdev", &format!("user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:0-:{https}")]);
        }
        (Network::Lan(_), Some(plug)) => {
            words.plain(&["-netdev", &format!("tap,id=net,ifname={},script=no,downscript=no", plug.tap)]);
        }
        (Network::Lan(_), None) | (Network::Unplugged, _) => return,
    }
    // OVMF has its own driver: the card needs no boot ROM.
    let card = json!({ "driver": "virtio-net-pci", "netdev": "net", "mac": mac, "romfile": "", "bootindex": order });
    words.json("-device", &card);
    if hardware.spare_card {
        words.plain(&["-netdev", "user,id=spare,restrict=on"]);
        let spare = json!({ "driver": "virtio-net-pci", "netdev": "spare", "mac": SPARE_CARD, "romfile": "" });
        words.json("-device", &spare);
    }
    if hardware.http_boot {
        for version in ["IPv4", "IPv6"] {
            words.plain(&["-fw_cfg", &format!("name=opt/org.tianocore/{version}PXESupport,string=n")]);
        }
    }
}

#[derive(Default)]
struct Words(Vec<String>);

impl Words {
    fn plain(&mut self, words: &[&str]) {
        self.0.extend(words.iter().map(|word| (*word).to_owned()));
    }

    fn json(&mut self, option: &str, value: &Value) {
        self.0.extend([option.to_owned(), value.to_string()]);
    }
}
