//! Guests on a network.

use crate::office::{NODE, OTHER, Office, run};
use crate::support::{Console, Leader, NodeProcess};
use anyhow::{Context, Result, ensure};
use cake_types::{BridgeName, FailureCode, Firmware, MacAddress, NicSpec, NicStatus, Power, Vm, VmState, VmStatus};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

fn bridged() -> NicSpec {
    NicSpec::Bridged { bridge: "br0".parse().expect("a name") }
}

/// Runs a line in the guest and gives what it printed, with its exit code after it. Each has an end of its own, because a console
/// begins with what was said before.
pub async fn typed(console: &mut Console, line: &str) -> Result<String> {
    static NUMBER: AtomicU32 = AtomicU32::new(1000);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    console.seen.clear();
    console.type_line(&format!("{line}; echo \"exit=$? ends-$(({number} + 1))\"")).await?;
    console.until(&format!("ends-{}", number + 1)).await?;
    Ok(console.seen.clone())
}

fn addresses(status: &VmStatus) -> Vec<IpAddr> {
    status.nics.iter().flat_map(|nic| nic.addresses.clone()).collect()
}

/// A guest on the bridge, with its web server and the address that it got.
async fn web(leader: &mut Leader) -> Result<(Vm, Console, IpAddr)> {
    let vm = leader.with_nics(leader.tiny(Firmware::Bios, "web")?, vec![bridged()]);
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Running).await?;
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-tiny: ready on web").await?;
    let status = leader.until(vm.meta.id, |status| !addresses(status).is_empty()).await?;
    typed(&mut console, "mkdir -p /www && echo hello-from-web >/www/index.html && httpd -p 80 -h /www").await?;
    Ok((vm, console, addresses(&status)[0]))
}

/// Pings ten times a second; ended by its pid.
struct Pings(Child);

impl Pings {
    fn start(office: &Office, to: IpAddr) -> Result<Self> {
        let child = office.tool(&["ping", "-i", "0.1", &to.to_string()])?.stdout(Stdio::piped()).spawn()?;
        Ok(Self(child))
    }

    /// Waits for so many answers, which must be to the first so many questions.
    fn answered(&mut self, output: &mut impl BufRead, count: usize) -> Result<()> {
        let mut line = String::new();
        let mut next = 0;
        while next < count {
            line.clear();
            ensure!(output.read_line(&mut line)? > 0, "ping ended");
            let Some((_, rest)) = line.split_once("seq=") else { continue };
            let sequence: usize = rest.split_whitespace().next().context("a number")?.parse()?;
            ensure!(sequence == next, "the answer to question {next} is missing: {line}");
            next += 1;
        }
        Ok(())
    }
}

impl Drop for Pings {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn a_bridged_guest_is_a_machine_among_the_others_and_loses_no_packet_with_its_node() -> Result<()> {
    let mut office = Office::open()?;
    office.serve_dhcp()?;
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let bridges = leader.client.hello(None).await?.status.bridges;
    assert_eq!((bridges.len(), bridges[0].name.as_str(), bridges[0].up), (1, "br0", true));
    assert_eq!(
        (&bridges[0].addresses[..], &bridges[0].members[..]),
        (&[NODE.parse()?][..], &["office".to_owned()][..])
    );

    let (mut vm, _console, address) = web(&mut leader).await?;
    assert!(address.to_string().starts_with("10.9.0.1"), "{address} is from the DHCP server");
    let mac = vm.spec.hardware.nics[0].mac;
    office.leased_to(mac).await?;
    let page = format!("http://{address}/");
    assert_eq!(office.ask(&["wget", "-qO-", &page])?, "hello-from-web\n");
    assert!(std::fs::read_link(format!("/sys/class/net/{}", cake_net::tap_name(mac))).is_ok());

    // Two and more seconds of pings, with the node's end and its new beginning among them.
    let mut pings = Pings::start(&office, address)?;
    let mut output = BufReader::new(pings.0.stdout.take().context("a pipe")?);
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    leader.state(&vm, VmState::Running).await?;
    pings.answered(&mut output, 30)?;
    drop(pings);
    // The node that came after knows the card and its address.
    let status = leader.until(vm.meta.id, |status| !addresses(status).is_empty()).await?;
    assert_eq!((status.nics[0].mac, addresses(&status)), (mac, vec![address]));

    // Nothing stays of it.
    leader.set_power(&mut vm, Power::Stopped).await?;
    leader.state(&vm, VmState::Stopped).await?;
    assert!(std::fs::read_link(format!("/sys/class/net/{}", cake_net::tap_name(mac))).is_err());
    leader.client.remove_vm(vm.meta.id, leader.stamp(&vm), Vec::new()).await?;
    leader.removed(vm.meta.id).await?;
    assert_eq!(run(Command::new("nft").args(["list", "tables", "netdev"]))?, "");
    Ok(())
}

#[tokio::test]
async fn a_guest_speaks_for_itself_alone() -> Result<()> {
    let mut office = Office::open()?;
    office.serve_dhcp()?;
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let (vm, mut console, address) = web(&mut leader).await?;
    let mac = vm.spec.hardware.nics[0].mac;
    let ping = format!("ping -c 2 -W 2 {OTHER}");
    assert!(typed(&mut console, &ping).await?.contains("exit=0"));

    // Another's MAC: nothing of it is heard, by nobody.
    let other = "02:de:ad:be:ef:01";
    let as_other = format!("ip link set eth0 down; ip link set eth0 address {other}; ip link set eth0 up");
    typed(&mut console, &as_other).await?;
    typed(&mut console, &format!("ip addr add {address}/24 dev eth0; arping -c 3 -I eth0 {OTHER}")).await?;
    assert!(typed(&mut console, &ping).await?.contains("exit=1"));
    let neighbours = run(office.other("ip").args(["neigh"]))?;
    assert!(!neighbours.contains(other), "{neighbours}");
    let known = run(Command::new("bridge").args(["fdb", "show", "br", "br0"]))?;
    assert!(!known.contains(other), "{known}");

    // Its own again, and it is back.
    typed(&mut console, &as_other.replace(other, &mac.to_string())).await?;
    typed(&mut console, &format!("ip addr add {address}/24 dev eth0")).await?;
    assert!(typed(&mut console, &ping).await?.contains("exit=0"));

    // Whoever empties the packet filter opens nothing for long.
    run(Command::new("nft").args(["flush", "ruleset"]))?;
    let table = format!("cake-{}", cake_net::tap_name(mac));
    while !run(Command::new("nft").args(["list", "tables", "netdev"]))?.contains(&table) {
        // Once a second it tells what guests use.
        leader.see().await?;
    }
    typed(&mut console, &as_other).await?;
    assert!(typed(&mut console, &ping).await?.contains("exit=1"));
    Ok(())
}

/// What the guest calls the card. (The line itself is seen too, more than once where the terminal wraps it.)
async fn card(console: &mut Console, mac: MacAddress) -> Result<Option<String>> {
    let said = typed(console, &format!("grep -l {mac} /sys/class/net/*/address")).await?;
    let names = said.split("/sys/class/net/").skip(1).filter_map(|rest| rest.split('/').next());
    Ok(names.filter(|name| *name != "*").map(str::to_owned).next())
}

#[tokio::test]
async fn a_card_comes_and_leaves_while_the_guest_runs() -> Result<()> {
    let mut office = Office::open()?;
    office.serve_dhcp()?;
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut vm = leader.tiny(Firmware::Bios, "web")?;
    leader.apply(&vm).await?;
    let pid = leader.state(&vm, VmState::Running).await?.pid;
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-tiny: ready on web").await?;

    let device = cake_planner::hardware::added_nic(&vm.spec.hardware, false, &[7; 16]).context("room")?;
    let mac = device.mac;
    vm.spec.hardware.nics.push(device);
    vm.spec.set_nics(vec![bridged()]);
    vm.meta.generation = vm.meta.generation.next();
    leader.apply(&vm).await?;
    let has = |status: &VmStatus| status.nics.iter().any(|nic| nic.mac == mac && nic.failure.is_none());
    assert_eq!(leader.until(vm.meta.id, has).await?.pid, pid);
    let name = loop {
        if let Some(name) = card(&mut console, mac).await? {
            break name;
        }
    };
    let said = typed(&mut console, &format!("ip link set {name} up; udhcpc -n -q -i {name}")).await?;
    ensure!(said.contains("exit=0"), "{said}");
    leader.until(vm.meta.id, |status| !addresses(status).is_empty()).await?;

    // The node that comes after takes it away again.
    node.kill()?;
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    assert_eq!(leader.until(vm.meta.id, has).await?.pid, pid);
    vm.spec.hardware.nics.clear();
    vm.spec.set_nics(Vec::new());
    vm.meta.generation = vm.meta.generation.next();
    leader.apply(&vm).await?;
    leader.until(vm.meta.id, |status| status.nics.iter().any(|nic| nic.leaving)).await?;
    let gone = |status: &VmStatus| status.nics.is_empty();
    assert_eq!(leader.until(vm.meta.id, gone).await?.pid, pid);
    let mut console = leader.serial(vm.meta.id).await?;
    typed(&mut console, "true").await?;
    assert_eq!(card(&mut console, mac).await?, None);
    while std::fs::read_link(format!("/sys/class/net/{}", cake_net::tap_name(mac))).is_ok() {
        leader.see().await?;
    }
    Ok(())
}

/// A web server of one answer, in a thread, at every connection.
fn answering(at: &str, word: &'static str) -> Result<u16> {
    let listener = TcpListener::bind(at)?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut stream = stream;
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(format!("HTTP/1.0 200 OK\r\n\r\n{word}\n").as_bytes());
        }
    });
    Ok(port)
}

#[tokio::test]
async fn a_guest_behind_nat_reaches_out_and_not_the_nodes_loopback() -> Result<()> {
    let office = Office::open()?;
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let inside = answering("127.0.0.1:0", "secret")?;
    let also_inside = answering(&format!("{NODE}:0"), "secret")?;
    let mut outside = office.tool(&["httpd", "-f", "-p", &format!("{OTHER}:8000"), "-h", "/etc"])?.spawn()?;

    let nic = NicSpec::Nat { forwards: vec!["tcp:18080:80".parse()?] };
    let vm = leader.with_nics(leader.tiny(Firmware::Bios, "web")?, vec![nic.clone()]);
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Running).await?;
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-tiny: ready on web").await?;
    typed(&mut console, "while ! ip route | grep -q default; do sleep 0.1; done").await?;
    let get =
        async |console: &mut Console, from: String| typed(console, &format!("wget -T 5 -qO- http://{from}")).await;
    let reached = get(&mut console, format!("{OTHER}:8000/hostname")).await?;
    for (address, port) in [("10.0.2.2", inside), ("10.0.2.2", also_inside), (NODE, also_inside)] {
        let said = get(&mut console, format!("{address}:{port}/")).await?;
        ensure!(!said.contains("secret") && said.contains("exit=1"), "{address}:{port}: {said}");
    }
    outside.kill()?;
    outside.wait()?;
    ensure!(reached.contains("exit=0"), "{reached}");

    // Through the forward it is reached, from outside and from the node itself.
    typed(&mut console, "mkdir -p /www && echo hello-from-web >/www/index.html && httpd -p 80 -h /www").await?;
    let page = format!("http://{NODE}:18080/");
    assert_eq!(office.ask(&["wget", "-T", "20", "-qO-", &page])?, "hello-from-web\n");
    assert!(run(Command::new("curl").args(["-sS", "http://127.0.0.1:18080/"]))?.contains("hello-from-web"));

    // A port that is taken is said before anything is started.
    let mut second = leader.with_nics(leader.pvh(), vec![nic]);
    leader.apply(&second).await?;
    let failed = leader.until(second.meta.id, |status| status.failure.is_some()).await?;
    assert_eq!(failed.failure.map(|failure| failure.code), Some(FailureCode::PortTaken));
    leader.set_power(&mut second, Power::Stopped).await?;
    Ok(())
}

#[tokio::test]
async fn a_bridge_that_is_not_there_is_said_and_waited_for() -> Result<()> {
    let _office = Office::open()?;
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let missing: BridgeName = "br7".parse()?;
    let vm = leader.with_nics(leader.pvh(), vec![NicSpec::Bridged { bridge: missing }]);
    leader.apply(&vm).await?;
    let failed = leader.until(vm.meta.id, |status| status.failure.is_some()).await?;
    assert_eq!(failed.failure.map(|failure| failure.code), Some(FailureCode::BridgeMissing));
    run(Command::new("ip").args(["link", "add", "br7", "type", "bridge"]))?;
    let status = leader.state(&vm, VmState::Running).await?;
    assert_eq!(
        status.nics,
        [NicStatus { mac: vm.spec.hardware.nics[0].mac, addresses: Vec::new(), leaving: false, failure: None }]
    );
    let bridges = leader.client.hello(None).await?.status.bridges;
    assert_eq!(bridges.iter().map(|bridge| bridge.name.as_str()).collect::<Vec<_>>(), ["br0", "br7"]);
    Ok(())
}
