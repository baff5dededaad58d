//! The simulator is a BMC: clients that are not ours, ipmitool and FreeIPMI, complete sessions with it by suites 3 and 17 and read
//! from it what was described.

use crate::support::{DEADLINE, Rig, SUITES, on_terminal, run, until};
use anyhow::{Context, Result, ensure};
use cake_bmc::asf::{Ping, Pong};
use std::process::Stdio;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;

const KEY: &str = "000102030405060708090a0b0c0d0e0f10111213";

/// The columns of a table's line that begins with this name.
fn columns(text: &str, at: usize, name: &str) -> Result<Vec<String>> {
    let rows = text.lines().map(|line| line.split('|').map(|word| word.trim().to_owned()).collect::<Vec<_>>());
    rows.into_iter()
        .find(|row| row.get(at).is_some_and(|word| word == name))
        .with_context(|| format!("{name} in {text}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn ipmitool_reads_sensors_log_plate_and_power() -> Result<()> {
    for suite in SUITES {
        let rig = Rig::start(|_| {}).await?;
        let sensors = rig.ipmitool_ok(suite, &["sensor"]).await?;
        ensure!(sensors.lines().count() == 10, "{sensors}");
        let temperature = columns(&sensors, 0, "Temp 1")?;
        ensure!(
            temperature[1..4] == ["40.000", "degrees C", "ok"] && temperature[7..] == ["80.000", "90.000", "100.000"],
            "{sensors}"
        );
        ensure!(
            columns(&sensors, 0, "Fan 2")?[1..7] == ["6000.000", "RPM", "ok", "500.000", "1000.000", "1500.000"],
            "{sensors}"
        );
        ensure!(
            columns(&sensors, 0, "Rail 3")?[1] == "12.060"
                && columns(&sensors, 0, "Power 4")?[1..3] == ["120.000", "Watts"],
            "{sensors}"
        );
        ensure!(columns(&sensors, 0, "PSU Status 5")?[3] == "0x0180", "{sensors}");

        // A limit that is passed is a state and an event; so is its end.
        rig.control("set Temp 1 95")?;
        ensure!(columns(&rig.ipmitool_ok(suite, &["sensor"]).await?, 0, "Temp 1")?[3] == "cr");
        rig.control("set Temp 1 40")?;
        rig.control("states PSU Status 5 3")?;
        let log = rig.ipmitool_ok(suite, &["sel", "elist"]).await?;
        for line in [
            "Temperature Temp 1 | Upper Critical going high | Asserted | Reading 95 > Threshold 90 degrees C",
            "Temperature Temp 1 | Upper Critical going high | Deasserted | Reading 40 < Threshold 90 degrees C",
            "Power Supply PSU Status 5 | Failure detected | Asserted",
        ] {
            ensure!(log.contains(line), "{line} in {log}");
        }
        ensure!(log.lines().count() == 5 && !log.contains("Pre-Init"), "{log}");
        rig.ipmitool_ok(suite, &["sel", "clear"]).await?;
        until("the log is empty", || Ok(rig.state()?["events"] == 0)).await?;

        rig.control("available Temp 1 no")?;
        rig.control("scan Fan 2 off")?;
        let sensors = rig.ipmitool_ok(suite, &["sensor"]).await?;
        ensure!(columns(&sensors, 0, "Temp 1")?[1] == "na" && columns(&sensors, 0, "Fan 2")?[1] == "na", "{sensors}");

        let plate = rig.ipmitool_ok(suite, &["fru", "print", "0"]).await?;
        for line in [
            "Product Manufacturer  : cake laboratory",
            "Board Serial          : CAKE-LAB-1",
            "Chassis Type          : Rack Mount",
        ] {
            ensure!(plate.contains(line) && !plate.contains("checksum"), "{plate}");
        }
        let guid = rig.ipmitool_ok(suite, &["mc", "guid"]).await?;
        ensure!(guid.contains(rig.state()?["guid"].as_str().context("a GUID")?), "{guid}");
        let watts = rig.ipmitool_ok(suite, &["dcmi", "power", "reading"]).await?;
        ensure!(watts.contains("Instantaneous power reading:                   240 Watts"), "{watts}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn ipmitool_runs_the_server() -> Result<()> {
    for suite in SUITES {
        let rig = Rig::start(|description| description.command = vec!["sleep".into(), "1000".into()]).await?;
        let pid = || anyhow::Ok(rig.state()?["pid"].as_u64());
        let verb = |verb: &'static str| power(&rig, suite, verb);
        ensure!(verb("status").await?.contains("is off") && pid()?.is_none());
        verb("on").await?;
        until("it runs", || Ok(pid()?.is_some())).await?;
        let first = pid()?;
        ensure!(verb("status").await?.contains("is on"));
        verb("reset").await?;
        until("another one runs", || Ok(pid()?.is_some() && pid()? != first)).await?;
        // `sleep` listens to SIGTERM as a system does to its power button.
        verb("soft").await?;
        until("it has ended", || Ok(pid()?.is_none())).await?;
        ensure!(verb("status").await?.contains("is off"));
        ensure!(!run(&mut rig.ipmitool(suite, &["chassis", "power", "reset"])).await?.ok, "there is nothing to reset");

        rig.ipmitool_ok(suite, &["chassis", "bootdev", "pxe", "options=efiboot"]).await?;
        let boot = rig.ipmitool_ok(suite, &["chassis", "bootparam", "get", "5"]).await?;
        ensure!(boot.contains("Force PXE") && boot.contains("BIOS EFI boot"), "{boot}");
        ensure!(rig.state()?["boot"] == 1);
        verb("on").await?;
        until("it runs", || Ok(pid()?.is_some())).await?;
        ensure!(rig.state()?["boot"] == 0, "once");
        verb("off").await?;
        rig.ipmitool_ok(suite, &["chassis", "identify", "force"]).await?;
        ensure!(rig.state()?["identify"] == "On");
        rig.ipmitool_ok(suite, &["chassis", "policy", "previous"]).await?;
        let status = rig.ipmitool_ok(suite, &["chassis", "status"]).await?;
        ensure!(status.contains("Power Restore Policy : previous"), "{status}");
    }
    Ok(())
}

async fn power(rig: &Rig, suite: u8, verb: &str) -> Result<String> {
    rig.ipmitool_ok(suite, &["chassis", "power", verb]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ipmitool_sets_what_can_be_set() -> Result<()> {
    let rig = Rig::start(|_| {}).await?;
    let ok = |arguments: &'static [&'static str]| rig.ipmitool_ok(17, arguments);
    ok(&["sensor", "thresh", "Temp 1", "ucr", "85"]).await?;
    ensure!(columns(&ok(&["sensor"]).await?, 0, "Temp 1")?[8] == "85.000");
    ok(&["user", "set", "name", "4", "second"]).await?;
    ok(&["user", "set", "password", "4", "another-one", "20"]).await?;
    ok(&["user", "priv", "4", "2", "1"]).await?;
    ok(&["user", "enable", "4"]).await?;
    let users = ok(&["user", "list", "1"]).await?;
    ensure!(users.lines().any(|line| line.contains("second") && line.ends_with("USER")), "{users}");
    ok(&["user", "test", "4", "20", "another-one"]).await?;
    let mut second = tokio::process::Command::new("ipmitool");
    second.args(["-I", "lanplus", "-H", "127.0.0.1", "-U", "second", "-E", "-C", "17", "-L", "USER"]);
    second.args(["-p", &rig.sim.address().port().to_string(), "chassis", "power", "on"]);
    let refused = run(second.env("IPMI_PASSWORD", "another-one").kill_on_drop(true)).await?;
    ensure!(!refused.ok && refused.err.contains("nsufficient privilege"), "{refused:?}");

    ok(&["lan", "set", "1", "ipaddr", "192.0.2.7"]).await?;
    let lan = ok(&["lan", "print", "1"]).await?;
    ensure!(lan.contains("192.0.2.7") && lan.contains("RMCP+ Cipher Suites     : 3,17"), "{lan}");
    // A watchdog can be started once it is set: a minute, then a hard reset.
    ok(&["mc", "watchdog", "reset"]).await.expect_err("it was never set");
    ok(&["raw", "0x06", "0x24", "0x04", "0x01", "0x00", "0x00", "0x58", "0x02"]).await?;
    ok(&["mc", "watchdog", "reset"]).await?;
    let watchdog = ok(&["mc", "watchdog", "get"]).await?;
    ensure!(
        watchdog.contains("Started/Running") && watchdog.contains("Hard Reset") && watchdog.contains("60"),
        "{watchdog}"
    );
    ok(&["dcmi", "power", "set_limit", "limit", "300"]).await?;
    ok(&["dcmi", "power", "activate"]).await?;
    let limit = ok(&["dcmi", "power", "get_limit"]).await?;
    ensure!(limit.contains("Power Limit:") && limit.contains("300"), "{limit}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn freeipmi_reads_the_same() -> Result<()> {
    for suite in SUITES {
        let rig = Rig::start(|_| {}).await?;
        rig.control("set Temp 1 95")?;
        let ok = |program: &'static str, arguments: &'static [&'static str]| rig.freeipmi_ok(suite, program, arguments);
        let sensors = ok("ipmi-sensors", &["--output-sensor-thresholds", "--ignore-not-available-sensors"]).await?;
        let temperature = columns(&sensors, 1, "Temp 1")?;
        ensure!(
            temperature[3] == "95.00" && temperature[9] == "90.00" && temperature[11].contains("Upper Critical"),
            "{sensors}"
        );
        ensure!(
            columns(&sensors, 1, "Rail 3")?[3] == "12.06" && columns(&sensors, 1, "Power 4")?[3..5] == ["120.00", "W"],
            "{sensors}"
        );
        let log = ok("ipmi-sel", &[]).await?;
        ensure!(log.contains("Temp 1") && log.contains("Upper Critical - going high"), "{log}");
        let plate = ok("ipmi-fru", &[]).await?;
        for line in ["FRU Product Manufacturer Name: cake laboratory", "FRU Product Serial Number: CAKE-LAB-1"] {
            ensure!(plate.contains(line), "{plate}");
        }
        let chassis = ok("ipmi-chassis", &["--get-chassis-status"]).await?;
        ensure!(chassis.contains("System Power                        : off"), "{chassis}");
        let power = ok("ipmi-power", &["--on"]).await?;
        ensure!(power.contains("ok") && ok("ipmi-power", &["--stat"]).await?.contains(": on"), "{power}");
        let info = ok("bmc-info", &[]).await?;
        ensure!(info.contains("IPMI Version          : 2.0"), "{info}");
        let watts = ok("ipmi-dcmi", &["--get-system-power-statistics"]).await?;
        ensure!(watts.contains("Current Power                        : 240 Watts"), "{watts}");
        let user = ok("ipmi-config", &["--checkout", "--section=User2"]).await?;
        ensure!(
            user.lines().any(|line| line.split_whitespace().eq(["Lan_Privilege_Limit", "Administrator"])),
            "{user}"
        );
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn k_g_is_needed_where_there_is_one() -> Result<()> {
    for suite in SUITES {
        let rig = Rig::start(|description| description.key = Some(KEY.into())).await?;
        rig.ipmitool_ok(suite, &["-y", KEY, "mc", "info"]).await?;
        let key = format!("driver-type LAN_2_0\nk_g 0x{KEY}\n");
        let said = run(&mut rig.freeipmi(suite, &key, "bmc-info", &["--get-device-id"])?).await?;
        ensure!(said.ok, "{said:?}");
        for wrong in [&["mc", "info"][..], &["-y", &KEY.replace('0', "1"), "mc", "info"]] {
            let refused = run(&mut rig.ipmitool(suite, wrong)).await?;
            ensure!(refused.out.is_empty() && refused.err.contains("Unable to establish"), "{wrong:?}: {refused:?}");
        }
        let refused = run(&mut rig.freeipmi(suite, "driver-type LAN_2_0\n", "bmc-info", &["--get-device-id"])?).await?;
        ensure!(!refused.ok && refused.out.is_empty(), "{refused:?}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused() -> Result<()> {
    let rig = Rig::start(|description| description.suites = vec![3]).await?;
    let wrong_suite = run(&mut rig.ipmitool(17, &["mc", "info"])).await?;
    ensure!(!wrong_suite.ok && wrong_suite.err.contains("no matching cipher suite"), "{wrong_suite:?}");
    let wrong_password = run(rig.ipmitool(3, &["mc", "info"]).env("IPMI_PASSWORD", "wrong-horse")).await?;
    ensure!(!wrong_password.ok && wrong_password.err.contains("Unable to establish"), "{wrong_password:?}");
    let nobody = run(&mut rig.ipmitool(3, &["-U", "nobody", "mc", "info"])).await?;
    ensure!(!nobody.ok && nobody.err.contains("Unable to establish"), "{nobody:?}");
    let file = "driver-type LAN_2_0\npassword wrong-horse\n";
    let wrong = run(&mut rig.freeipmi(3, file, "bmc-info", &["--get-device-id"])?).await?;
    ensure!(!wrong.ok && wrong.err.contains("password invalid"), "{wrong:?}");
    rig.control("fault full on")?;
    let full = run(&mut rig.ipmitool(3, &["mc", "info"])).await?;
    ensure!(!full.ok && full.err.contains("insufficient resources"), "{full:?}");
    rig.control("fault none")?;
    rig.ipmitool_ok(3, &["mc", "info"]).await?;
    Ok(())
}

/// A server whose console answers in capitals.
async fn shouting(listener: UnixListener) -> std::io::Result<()> {
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            stream.write_all(b"login: ").await?;
            let mut buffer = [0; 256];
            loop {
                match stream.read(&mut buffer).await? {
                    0 => return std::io::Result::Ok(()),
                    length => stream.write_all(&buffer[..length].to_ascii_uppercase()).await?,
                }
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn serial_over_lan_carries_characters_both_ways() -> Result<()> {
    for suite in SUITES {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("serial");
        let console = tokio::spawn(shouting(UnixListener::bind(&path)?));
        let rig = Rig::start_in(directory, |description| description.serial = Some(format!("unix:{}", path.display())))
            .await?;
        let ipmitool = rig.ipmitool(suite, &["sol", "activate"]);
        let seen = on_terminal(&ipmitool, &[("login: ", "root\r"), ("ROOT", "\r~.")]).await?;
        ensure!(seen.contains("terminated ipmitool"), "{seen}");
        let mut info = rig.ipmitool(suite, &["sol", "info", "1"]);
        let said = run(info.stdin(Stdio::null())).await?;
        ensure!(said.out.contains("Force Encryption                : true"), "{said:?}");
        let ipmiconsole = rig.freeipmi(suite, "", "ipmiconsole", &[])?;
        let seen = on_terminal(&ipmiconsole, &[("SOL established", "who am i\r"), ("WHO AM I", "&.")]).await?;
        ensure!(seen.contains("closing the connection"), "{seen}");
        console.abort();
    }
    Ok(())
}

/// A log that is full, and one that forgets its oldest entries: both say so.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_log_stops_or_wraps() -> Result<()> {
    for wraps in [false, true] {
        let rig = Rig::start(|description| (description.log_capacity, description.log_wraps) = (8, wraps)).await?;
        rig.control("events 20")?;
        let info = rig.ipmitool_ok(17, &["sel", "info"]).await?;
        ensure!(info.contains("Overflow         : true") && info.contains("Entries          : 8"), "{info}");
        let log = rig.ipmitool_ok(17, &["sel", "list"]).await?;
        let first = log.lines().next().context("a line")?.split('|').next().context("a number")?.trim().to_owned();
        ensure!(first == if wraps { "d" } else { "1" }, "{log}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn faults_are_what_they_are_called() -> Result<()> {
    let rig = Rig::start(|description| description.max_read = 16).await?;
    // CAh above 16 bytes: ipmitool asks for less.
    let plate = rig.ipmitool_ok(3, &["fru", "print", "0"]).await?;
    ensure!(plate.contains("cake laboratory"), "{plate}");
    // Of four datagrams one is lost: it asks again and gets there. (Twice the same at a login is too much for either client.)
    rig.control("fault drop 1/4")?;
    let sensors = rig.ipmitool_ok(17, &["-N", "1", "-R", "8", "sensor", "reading", "Temp 1"]).await?;
    ensure!(columns(&sensors, 0, "Temp 1")?[1] == "40", "{sensors}");
    rig.control("fault none")?;
    rig.control("fault twice on")?;
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await?;
    socket.send_to(&Ping { tag: 7 }.encode(), rig.sim.address()).await?;
    for _ in 0..2 {
        let mut buffer = [0; 64];
        let length = tokio::time::timeout(DEADLINE, socket.recv(&mut buffer)).await??;
        ensure!(Pong::parse(&buffer[..length])?.tag == 7);
    }
    rig.control("fault none")?;
    for fault in ["silent", "code", "session", "truncated", "request"] {
        rig.control(&format!("fault {fault} on"))?;
        let said = run(&mut rig.ipmitool(3, &["-N", "1", "-R", "1", "sensor", "reading", "Temp 1"])).await?;
        ensure!(!said.out.contains("40"), "{fault}: {said:?}");
        rig.control("fault none")?;
    }
    // ipmitool does not look at the checksum within.
    rig.control("fault checksum on")?;
    let impatient = ["--session-timeout=2000", "--retransmission-timeout=500"];
    let said = run(&mut rig.freeipmi(3, "driver-type LAN_2_0\n", "bmc-info", &impatient)?).await?;
    ensure!(!said.ok && said.out.is_empty(), "{said:?}");
    rig.control("fault none")?;
    rig.control("fault delay 300")?;
    let began = std::time::Instant::now();
    rig.ipmitool_ok(3, &["mc", "guid"]).await?;
    ensure!(began.elapsed().as_millis() >= 5 * 300, "each answer is late");
    rig.control("fault none")?;
    let guid = rig.ipmitool_ok(3, &["mc", "guid"]).await?;
    rig.control("fault guid on")?;
    ensure!(rig.ipmitool_ok(3, &["mc", "guid"]).await? != guid);
    rig.control("fault none")?;
    rig.control("events 3")?;
    rig.control("fault grow on")?;
    let log = rig.ipmitool_ok(3, &["sel", "list"]).await?;
    ensure!(log.lines().count() >= 3 && rig.state()?["events"].as_u64() > Some(3), "{log}");
    for wrong in ["set Nothing 5", "set Temp 1 warm", "fault hunger on", "fault drop 1", "sing", "power maybe", ""] {
        ensure!(rig.sim.control(wrong).is_err(), "{wrong}");
    }
    Ok(())
}
