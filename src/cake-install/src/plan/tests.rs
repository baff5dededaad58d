use super::*;
use crate::disks::{Content, Found, Installed, Signature};
use cake_types::{ByteSize, DiskHealth, ServerBus, ServerDisk};

const MACHINE: Machine = Machine { tpm: Tpm::Ready, firmware: 280 << 20 };

fn disk(name: &str, serial: &str, gib: u64) -> Candidate {
    let disk = ServerDisk {
        name: name.into(),
        model: None,
        serial: (!serial.is_empty()).then(|| serial.into()),
        size: ByteSize::gib(gib),
        bus: ServerBus::Nvme,
        rotational: false,
        removable: false,
        health: DiskHealth::default(),
    };
    let content = Content::default();
    Candidate { disk, sector: 512, read_only: false, boot_medium: false, used_as: Vec::new(), content }
}

fn with_data(disk: Candidate) -> Candidate {
    let signatures = vec![Signature { r#type: "ext4".into(), label: Some("home".into()) }];
    Candidate { content: Content { signatures, ..Content::default() }, ..disk }
}

fn of_cake(disk: Candidate, found: Found) -> Candidate {
    let table = Some("gpt".into());
    Candidate { content: Content { table, cake: Some(found), ..Content::default() }, ..disk }
}

fn install(lines: &str) -> Install {
    crate::answers::parse(&format!("[install]\n{lines}")).unwrap().install
}

fn planned(disks: &[Candidate], lines: &str) -> Plan {
    Plan::new(disks, &install(lines), MACHINE).unwrap()
}

fn refused(disks: &[Candidate], lines: &str) -> String {
    Plan::new(disks, &install(lines), MACHINE).unwrap_err().to_string()
}

/// Disks, partitions, volumes and steps as a person would draw them.
fn drawn(plan: &Plan) -> String {
    let mut text = String::new();
    for disk in &plan.disks {
        text.push_str(&format!("{} ({})\n", disk.name, disk.serial));
        for part in &disk.parts {
            let r#type = &part.r#type.to_string()[..8];
            text.push_str(&format!(
                "  {:<10} {:<10} {type} {:>6} + {}\n",
                part.device, part.name, part.start_mib, part.size_mib
            ));
        }
    }
    for volume in std::iter::once(&plan.state).chain(&plan.pools) {
        let level = volume.level.map_or("alone".into(), |level| format!("RAID {level}"));
        text.push_str(&format!("{} [{}] {level}: {}\n", volume.name, volume.label, volume.members.join(" ")));
    }
    text + &plan.words()
}

#[test]
fn two_system_disks_and_a_pool_of_four() {
    let mut disks = vec![disk("nvme0n1", "A", 512), disk("nvme1n1", "B", 480)];
    disks.extend(["sda", "sdb", "sdc", "sdd"].map(|name| disk(name, &name.to_uppercase(), 4096)));
    let plan = planned(&disks, "disks = [\"A\", \"B\"]\npool_disks = [\"SDA\", \"SDB\", \"SDC\", \"SDD\"]\n");
    assert_eq!(drawn(&plan), include_str!("golden/two-and-four.txt"));
}

#[test]
fn one_small_disk_without_a_tpm() {
    let disks = [of_cake(disk("vda", "", 16), Found::Unfinished)];
    let machine = Machine { tpm: Tpm::None, ..MACHINE };
    let plan = Plan::new(&disks, &install("disks = [\"vda\"]\n"), machine).unwrap();
    assert_eq!(drawn(&plan), include_str!("golden/one-small.txt"));
}

#[test]
fn what_pool_disks_become() {
    let disks: Vec<_> = ["sda", "sdb", "sdc", "sdd"].iter().map(|name| disk(name, name, 64)).collect();
    let pools = |more: &str, layout: &str| {
        let lines = format!("disks = [\"sda\"]\npool_disks = [{more}]\npool_layout = \"{layout}\"\n");
        let plan = planned(&disks, &lines);
        let said =
            plan.pools[1..].iter().map(|pool| format!("{} {:?} {}", pool.name, pool.level, pool.members.join(" ")));
        said.collect::<Vec<_>>()
    };
    assert_eq!(pools("", "mirrored"), [""; 0]);
    assert_eq!(pools("\"sdb\"", "mirrored"), ["cake-pool-data None sdb1"]);
    assert_eq!(pools("\"sdb\", \"sdc\"", "mirrored"), ["cake-pool-data Some(1) sdb1 sdc1"]);
    assert_eq!(pools("\"sdb\", \"sdc\", \"sdd\"", "mirrored"), ["cake-pool-data Some(10) sdb1 sdc1 sdd1"]);
    assert_eq!(pools("\"sdb\", \"sdc\"", "striped"), ["cake-pool-data Some(0) sdb1 sdc1"]);
    assert_eq!(pools("\"sdb\", \"sdc\"", "separate"), ["cake-pool-data-1 None sdb1", "cake-pool-data-2 None sdc1"]);
}

#[test]
fn why_a_disk_is_refused() {
    let whole = Installed { name: Some("Rack 1".into()), version: Some("1.0".into()), ..Installed::default() };
    let table: [(Candidate, &str); 8] = [
        (disk("sdb", "Z", 64), "A: no disk of this server has that serial number"),
        (
            with_data(disk("sda", "A", 64)),
            "A: on it is ext4. If that may be lost, its serial number must stand in `erase`",
        ),
        (
            of_cake(disk("sda", "A", 64), Found::System(whole)),
            "A: on it is an installation of cake “Rack 1”, version 1.0. If that may be lost, its serial number must stand in `erase`",
        ),
        (
            of_cake(disk("sda", "A", 64), Found::Pool),
            "A: on it is a pool of cake. If that may be lost, its serial number must stand in `erase`",
        ),
        (disk("sda", "A", 3), "A: it has 3 GiB, and 3.8 GiB is the least"),
        (Candidate { boot_medium: true, ..disk("sda", "A", 64) }, "A: this machine was started from it"),
        (Candidate { read_only: true, ..disk("sda", "A", 64) }, "A: it can only be read"),
        (
            Candidate { used_as: vec!["/srv".into(), "swap".into()], ..disk("sda", "A", 64) },
            "A: it is in use (/srv, swap)",
        ),
    ];
    for (disk, reason) in table {
        assert_eq!(refused(&[disk], "disks = [\"A\"]\n"), reason);
    }
    let twins = [disk("sda", "A", 64), disk("sdb", "A", 64)];
    assert_eq!(refused(&twins, "disks = [\"A\"]\n"), "A: several disks have that serial number: sda, sdb");
}

#[test]
fn all_reasons_are_told_at_once() {
    let disks = [with_data(disk("sda", "A", 64)), disk("sdb", "B", 1)];
    let said = refused(&disks, "disks = [\"A\"]\npool_disks = [\"B\", \"C\"]\n");
    assert_eq!(said.lines().map(|line| &line[..1]).collect::<Vec<_>>(), ["A", "B", "C"]);
}

#[test]
fn saying_that_data_may_be_lost_overrides_nothing_else() {
    let erase = "disks = [\"A\"]\nerase = [\"A\"]\n";
    assert!(Plan::new(&[with_data(disk("sda", "A", 64))], &install(erase), MACHINE).is_ok());
    let used = Candidate { used_as: vec!["/".into()], ..with_data(disk("sda", "A", 64)) };
    assert_eq!(refused(&[used], erase), "A: it is in use (/)");
    let medium = Candidate { boot_medium: true, ..with_data(disk("sda", "A", 64)) };
    assert_eq!(refused(&[medium], erase), "A: this machine was started from it");
}

/// A disk without a serial number goes by its name, which another's serial number may be.
#[test]
fn the_same_disk_by_two_ways() {
    let disks = [disk("sda", "", 64), disk("sdb", "sda", 64)];
    assert_eq!(refused(&disks, "disks = [\"sda\"]\n"), "sda: several disks have that serial number: sda, sdb");
}

/// Whatever is planned: no partition overlaps another or the table's copies, and what boots comes after everything was read back.
#[test]
fn every_plan_is_sound() {
    for gib in [5, 8, 13, 16, 21, 22, 64, 4000] {
        for sector in [512, 4096] {
            let disks: Vec<_> =
                ["A", "B", "C", "D", "E"].map(|name| Candidate { sector, ..disk(name, name, gib) }).into();
            let plan = planned(&disks, "disks = [\"A\", \"B\"]\npool_disks = [\"C\", \"D\", \"E\"]\n");
            for disk in &plan.disks {
                let mut free = 1;
                for part in &disk.parts {
                    assert!(part.start_mib >= free && part.size_mib > 0);
                    free = part.start_mib + part.size_mib;
                }
                assert!(free * (1 << 20) <= disk.size - (1 << 20), "{gib} GiB");
            }
            let at = |id: &str| plan.steps.iter().position(|step| step.id() == id).unwrap();
            let last = |id: &str| plan.steps.iter().rposition(|step| step.id() == id).unwrap();
            assert!(last("firmware") < at("verify") && at("verify") < at("boot") && last("boot") < at("name"));
            assert!(last("settle") < at("verify") && last("encrypt") < at("enrol"));
        }
    }
}
