//! Against implementations that are not ours: OpenStack's emulator of a Redfish service, whose actions change its state, and the sample
//! documents of its client library, which are parts of DMTF's mock-ups and of makers' trees. `image/scripts/sushy.sh` installs both.

use super::machine::{self, Tree};
use super::reading::sensor;
use super::server::{Reply, Server, Tcp};
use anyhow::{Context, Result, bail, ensure};
use cake_bmc::redfish::{Login, Options, Patience, Redfish, Task, discover, understand};
use cake_bmc::{Bmc, BmcError, TransportError};
use cake_types::{BootDevice, ChassisVerb, PartFact, SensorState, SensorUnit};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::OnceCell;

const SYSTEM: &str = "27946b59-9e44-4fa7-8e91-f3527a1ef094";
/// The emulator's machines take up to 11 s to go on or off, by its own clock.
const LONGEST: Duration = Duration::from_secs(120);

async fn installed() -> Result<&'static Path> {
    static PLACE: OnceCell<PathBuf> = OnceCell::const_new();
    let place = PLACE.get_or_try_init(async || {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../image/scripts/sushy.sh");
        let output = Command::new(script).stderr(Stdio::inherit()).output().await.context("image/scripts/sushy.sh")?;
        ensure!(output.status.success(), "image/scripts/sushy.sh fails");
        Ok(PathBuf::from(String::from_utf8(output.stdout)?.trim()))
    });
    Ok(place.await?.as_path())
}

/// The emulator with one machine that is off; it ends with the test.
struct Emulator {
    address: SocketAddr,
    _program: Child,
    _state: tempfile::TempDir,
}

impl Emulator {
    async fn start() -> Result<Self> {
        let place = installed().await?;
        let python = place.join("bin/python3");
        let state = tempfile::tempdir()?;
        let file = |name: &str| state.path().join(name);
        let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()])?;
        fs::write(file("cert.pem"), cert.pem())?;
        fs::write(file("key.pem"), signing_key.serialize_pem())?;
        let hash = "import bcrypt; print('admin:' + bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode())";
        fs::write(file("users"), Command::new(&python).args(["-c", hash]).output().await?.stdout)?;
        let folder = state.path().display();
        let config = format!(
            "SUSHY_EMULATOR_LISTEN_IP = '127.0.0.1'\nSUSHY_EMULATOR_LISTEN_PORT = 0\nSUSHY_EMULATOR_STATE_DIR = '{folder}'\n\
             SUSHY_EMULATOR_SSL_CERT = '{folder}/cert.pem'\nSUSHY_EMULATOR_SSL_KEY = '{folder}/key.pem'\n\
             SUSHY_EMULATOR_AUTH_FILE = '{folder}/users'\n"
        );
        fs::write(file("config.py"), config)?;
        let mut program = Command::new(&python)
            .args(["-m", "sushy_tools.emulator.main", "--fake", "--config"])
            .arg(file("config.py"))
            .env("TMPDIR", state.path())
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()?;
        let mut lines = BufReader::new(program.stderr.take().context("its messages")?).lines();
        while let Some(line) = lines.next_line().await? {
            if let Some(address) = line.split("Running on https://").nth(1) {
                let address = address.trim().parse()?;
                // It writes a line for each request: somebody has to read them.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return Ok(Self { address, _program: program, _state: state });
            }
        }
        bail!("the emulator ended")
    }

    fn bmc(&self, password: &str) -> Redfish {
        Redfish::new(Box::new(Tcp(self.address)), Options::new("localhost", Login::new("admin", password)))
    }
}

/// Until the machine is on or off: the emulator's takes seconds for it, as a real one does.
async fn until(bmc: &mut Redfish, on: bool) -> Result<()> {
    let started = Instant::now();
    while bmc.read().await?.chassis.context("a chassis")?.on != on {
        ensure!(started.elapsed() < LONGEST, "it does not become {on}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

#[tokio::test]
async fn an_action_changes_the_emulators_state() -> Result<()> {
    let emulator = Emulator::start().await?;
    let found = discover(Box::new(Tcp(emulator.address)), "localhost", Patience::default()).await?;
    assert_eq!(
        (found.version.as_str(), found.uuid.context("a UUID")?.to_string().as_str()),
        ("1.5.0", "85775665-c110-4b85-8989-e6162170b3ec")
    );

    let refused = emulator.bmc("wrong").read().await;
    assert!(matches!(refused, Err(BmcError::Transport(TransportError::Refused))), "{refused:?}");

    let mut bmc = emulator.bmc("secret");
    let device = bmc.device().await?;
    assert_eq!(
        (device.guid.context("a GUID")?.to_string().as_str(), device.firmware.as_str(), device.laboratory),
        (SYSTEM, "1.00", true)
    );

    assert!(!bmc.read().await?.chassis.context("a chassis")?.on);
    bmc.power(ChassisVerb::On).await?;
    until(&mut bmc, true).await?;
    bmc.power(ChassisVerb::Cycle).await.context("it takes no PowerCycle")?;
    until(&mut bmc, true).await?;
    bmc.power(ChassisVerb::Soft).await?;
    until(&mut bmc, false).await?;

    bmc.set_boot(BootDevice::Cd, true, true).await?;
    assert_eq!(bmc.boot().await?, BootDevice::Cd);
    bmc.set_boot(BootDevice::Network, false, true).await?;
    assert_eq!(bmc.boot().await?, BootDevice::Network);
    assert_eq!(emulator.bmc("secret").boot().await?, BootDevice::Network, "it is the emulator's, not ours");

    bmc.identify(Some(Duration::ZERO)).await?;
    assert_eq!(bmc.read().await?.chassis.context("a chassis")?.identify, Some(false));
    bmc.identify(None).await?;
    assert_eq!(bmc.read().await?.chassis.context("a chassis")?.identify, Some(true));
    Ok(())
}

#[tokio::test]
async fn the_emulators_sensors_media_and_parts() -> Result<()> {
    let emulator = Emulator::start().await?;
    let mut bmc = emulator.bmc("secret");
    let reading = bmc.read().await?;
    let intake = sensor(&reading, "Chassis Intake Temp");
    assert_eq!((intake.value, intake.unit, intake.state), (Some(25.0), SensorUnit::Celsius, SensorState::Ok));
    assert_eq!((intake.limits.upper_critical, intake.limits.lower_non_recoverable), (Some(40.0), Some(0.0)));
    let fan = sensor(&reading, "BaseBoard System Fan");
    assert_eq!((fan.value, fan.unit), (Some(2100.0), SensorUnit::Rpm));

    let parts = bmc.parts().await?;
    let chassis = parts.iter().find(|part| part.id.contains("/Chassis/")).context("a chassis")?;
    assert!(
        chassis.fields.iter().any(|field| field.what == PartFact::ChassisSerial && field.text == "437XR1138R2"),
        "{chassis:?}"
    );

    // What the emulator is told to insert it fetches by itself, as a BMC does.
    let slots = bmc.media().await?;
    let cd = slots.iter().find(|slot| slot.kinds.iter().any(|kind| kind == "CD")).context("a CD")?;
    assert_eq!(cd.image, None);
    let images = Images::start().await?;
    bmc.insert_medium(&cd.id, &format!("http://{}/cake.iso", images.address)).await?;
    let slots = bmc.media().await?;
    assert!(slots.iter().any(|slot| slot.id == cd.id && slot.image.is_some()), "{slots:?}");
    bmc.eject_medium(&cd.id).await?;
    assert!(bmc.media().await?.iter().all(|slot| slot.image.is_none()));

    let nobody = bmc.update_firmware("https://10.0.0.1/bios.bin", &[]).await;
    assert!(matches!(nobody, Err(BmcError::Redfish { status: 400, .. })), "it wants a target: {nobody:?}");
    assert_eq!(bmc.task("/redfish/v1/TaskService/Tasks/42").await?, Task::Done);
    Ok(())
}

/// Hands out an image over HTTP, to whoever asks.
struct Images {
    address: SocketAddr,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Images {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Images {
    async fn start() -> Result<Self> {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let task = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    match stream.read_u8().await {
                        Ok(byte) => head.push(byte),
                        Err(_) => break,
                    }
                }
                let _ =
                    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nimage").await;
            }
        });
        Ok(Self { address, task })
    }
}

async fn samples() -> Result<Vec<(String, Vec<u8>)>> {
    let mut found = Vec::new();
    let mut folders = vec![installed().await?.join("lib")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "json")
                && path.to_string_lossy().contains("/sushy/tests/")
            {
                let name = path.file_name().context("a name")?.to_string_lossy().into_owned();
                found.push((name, fs::read(&path)?));
            }
        }
    }
    ensure!(found.len() > 100, "only {} sample documents", found.len());
    Ok(found)
}

#[tokio::test]
async fn every_published_sample_is_understood() -> Result<()> {
    let (mut links, mut members) = (0, 0);
    for (name, bytes) in samples().await? {
        let Ok(Value::Object(document)) = serde_json::from_slice::<Value>(&bytes) else { continue };
        let understood = understand("/redfish/v1/x", &bytes);
        let count = |list: &str| document.get(list).and_then(Value::as_array).map_or(0, Vec::len);
        let shown =
            |list: &str| understood.sensors.iter().filter(|sensor| sensor.id.contains(&format!("#/{list}/"))).count();
        for list in ["Temperatures", "Fans", "Voltages", "PowerControl", "PowerSupplies"] {
            assert_eq!(shown(list), count(list), "{name}: {list}");
        }
        let named = document.get("SerialNumber").and_then(Value::as_str).filter(|text| !text.trim().is_empty());
        if let Some(serial) = named {
            let told = understood.parts.iter().any(|part| part.fields.iter().any(|field| field.text == serial.trim()));
            assert!(told, "{name}: {serial}");
        }
        if document.contains_key("Members") {
            assert_eq!(understood.links.len(), count("Members"), "{name}");
            (links, members) = (links + understood.links.len(), members + count("Members"));
        }
        if name.contains("error") && document.contains_key("error") {
            assert!(!understood.complaint.is_empty(), "{name}");
        }
    }
    assert!(links > 20 && links == members);
    Ok(())
}

#[tokio::test]
async fn the_published_blade_is_read_as_a_whole() -> Result<()> {
    let mut tree = Tree::new();
    for (name, bytes) in samples().await? {
        // Some describe the same thing in several ways; these are of one machine.
        let own = [
            "root",
            "system_collection",
            "system",
            "chassis",
            "thermal",
            "power",
            "manager",
            "processor_collection",
            "processor",
        ];
        if !own.iter().any(|own| name == format!("{own}.json")) {
            continue;
        }
        let Ok(document) = serde_json::from_slice::<Value>(&bytes) else { continue };
        if let Some(path) = document["@odata.id"].as_str() {
            tree.entry(path.to_owned()).or_insert(document);
        }
    }
    let (_server, machine) = machine::start(tree).await;
    machine.lock().expect("a lock").most = 0;
    let answers = machine.clone();
    let server = Server::start(move |asked| {
        let mut machine = answers.lock().expect("a lock");
        if asked.method == "GET" { machine.answer(asked) } else { Reply::json(404, "{}") }
    })
    .await;
    let mut bmc = server.bmc();
    let reading = bmc.read().await?;
    assert_eq!(bmc.choice().context("a system")?.1, "/redfish/v1/Systems/437XR1138R2");
    assert!(reading.chassis.context("a chassis")?.on);
    let parts = bmc.parts().await?;
    assert!(parts.iter().any(|part| part.fields.iter().any(|field| field.text == "437XR1138R2")), "{parts:#?}");
    assert_eq!(bmc.boot().await?, BootDevice::Network);
    Ok(())
}
