//! Screens of real QEMUs, spoken to by hand.

use crate::support::{Leader, NodeProcess};
use anyhow::{Context, Result, ensure};
use cake_node_api::{ClientError, NodeClient, NodeError, StreamKind};
use cake_types::{Firmware, Power, Vm, VmId, VmState};
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::time::Duration;

const RAW: i32 = 0;
const DESKTOP_SIZE: i32 = -223;
const RETURN: u32 = 0xff0d;

/// One viewer. Blocking: it is a few bytes each way.
struct Viewer {
    stream: UnixStream,
    size: (u16, u16),
}

async fn open(client: &NodeClient, kind: StreamKind, vm: VmId) -> Result<std::os::fd::OwnedFd, NodeError> {
    let ticket = client.ticket(kind, vm).await.expect("a ticket");
    match client.open(ticket).await {
        Ok(descriptor) => Ok(descriptor),
        Err(ClientError::Refused(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

impl Viewer {
    async fn open(leader: &Leader, vm: &Vm) -> Result<Self> {
        let mut stream = UnixStream::from(open(&leader.client, StreamKind::Screen, vm.meta.id).await?);
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        ensure!(read::<12>(&mut stream)? == *b"RFB 003.008\n");
        stream.write_all(b"RFB 003.008\n")?;
        ensure!(read::<2>(&mut stream)? == [1, 1], "no authentication, and nothing else");
        stream.write_all(&[1])?;
        ensure!(read::<4>(&mut stream)? == [0; 4]);
        stream.write_all(&[1])?;
        let start = read::<24>(&mut stream)?;
        let name = u32::from_be_bytes([start[20], start[21], start[22], start[23]]);
        let mut rest = vec![0; name as usize];
        stream.read_exact(&mut rest)?;
        let number = |at: usize| u16::from_be_bytes([start[at], start[at + 1]]);
        let mut viewer = Self { stream, size: (number(0), number(2)) };
        let encodings: Vec<u8> = [RAW, DESKTOP_SIZE].iter().flat_map(|encoding| encoding.to_be_bytes()).collect();
        viewer.stream.write_all(&[&[2, 0, 0, 2], &encodings[..]].concat())?;
        Ok(viewer)
    }

    /// Asks for the whole screen and reads one update; gives how many bytes of pixels came.
    fn update(&mut self) -> Result<usize> {
        let [a, b] = self.size.0.to_be_bytes();
        let [c, d] = self.size.1.to_be_bytes();
        self.stream.write_all(&[3, 0, 0, 0, 0, 0, a, b, c, d])?;
        let head = read::<4>(&mut self.stream)?;
        ensure!(head[0] == 0, "message {}", head[0]);
        let mut pixels = 0;
        for _ in 0..u16::from_be_bytes([head[2], head[3]]) {
            let rectangle = read::<12>(&mut self.stream)?;
            let number = |at: usize| u16::from_be_bytes([rectangle[at], rectangle[at + 1]]);
            match i32::from_be_bytes([rectangle[8], rectangle[9], rectangle[10], rectangle[11]]) {
                RAW => {
                    let mut bytes = vec![0; usize::from(number(4)) * usize::from(number(6)) * 4];
                    self.stream.read_exact(&mut bytes)?;
                    pixels += bytes.len();
                }
                DESKTOP_SIZE => self.size = (number(4), number(6)),
                other => anyhow::bail!("encoding {other}"),
            }
        }
        Ok(pixels)
    }

    fn type_line(&mut self, line: &str) -> Result<()> {
        for key in line.bytes().map(u32::from).chain([RETURN]) {
            let shift = char::from_u32(key).is_some_and(|key| "$()*>&|\"".contains(key));
            for (down, key) in [(shift, 0xffe1), (true, key), (false, key), (false, 0xffe1)] {
                if key == 0xffe1 && !shift {
                    continue;
                }
                let [a, b, c, d] = key.to_be_bytes();
                self.stream.write_all(&[4, u8::from(down), 0, 0, a, b, c, d])?;
                // A person's speed: the guest's keyboard has a short queue.
                std::thread::sleep(Duration::from_millis(8));
            }
        }
        Ok(())
    }
}

fn read<const N: usize>(stream: &mut impl Read) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn pixels(file: &File) -> Result<Vec<u8>> {
    let mut bytes = vec![0; file.metadata()?.len() as usize];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

#[tokio::test]
async fn a_screen_shows_takes_keys_and_outlives_the_node() -> Result<()> {
    let mut node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut vm = leader.tiny(Firmware::Bios, "seen")?;
    leader.apply(&vm).await?;
    leader.state(&vm, VmState::Running).await?;
    let early = File::from(open(&leader.client, StreamKind::Picture, vm.meta.id).await?);
    let mut console = leader.serial(vm.meta.id).await?;
    console.until("cake-tiny: ready on seen").await?;

    let mut first = Viewer::open(&leader, &vm).await?;
    let mut second = Viewer::open(&leader, &vm).await?;
    while first.update()? == 0 {}
    ensure!(second.update()? > 0 || second.update()? > 0);
    first.type_line("echo $((6*7))-typed >/dev/ttyS0")?;
    console.until("42-typed").await?;

    // Pictures: the same one for ten seconds, then another; nobody can change them.
    let again = File::from(open(&leader.client, StreamKind::Picture, vm.meta.id).await?);
    let late = early.metadata()?.ino() != again.metadata()?.ino();
    let picture = pixels(&again)?;
    ensure!(picture.starts_with(b"P6\n"), "{:?}", &picture[..16]);
    ensure!(again.write_at(b"P5", 0).is_err() && again.set_len(0).is_err(), "sealed");
    if late {
        ensure!(picture != pixels(&early)?, "the screen at power-on and with a shell are not the same");
    }

    // The viewers' connections are QEMU's: they go on while cake-node is gone, and after it is back.
    node.kill()?;
    ensure!(first.update()? > 0);
    node.serve()?;
    let mut leader = Leader::new(&node, 2).await?;
    leader.until(vm.meta.id, |status| status.state == VmState::Running).await?;
    ensure!(first.update()? > 0);
    let mut third = Viewer::open(&leader, &vm).await?;
    third.type_line("echo $((6*8))-later >/dev/ttyS0")?;
    leader.serial(vm.meta.id).await?.until("48-later").await?;

    leader.set_power(&mut vm, Power::Stopped).await?;
    leader.state(&vm, VmState::Stopped).await?;
    let refused = open(&leader.client, StreamKind::Screen, vm.meta.id).await.err().context("it is off")?;
    ensure!(refused == NodeError::Illegal { state: VmState::Stopped }, "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn a_machine_without_a_screen_says_so() -> Result<()> {
    let node = NodeProcess::start()?;
    let mut leader = Leader::new(&node, 1).await?;
    let mut old = leader.tiny(Firmware::Bios, "old")?;
    // As records were before there were screens.
    old.spec.hardware.usb = None;
    let direct = leader.pvh();
    for vm in [&old, &direct] {
        leader.apply(vm).await?;
        leader.state(vm, VmState::Running).await?;
        for kind in [StreamKind::Screen, StreamKind::Picture] {
            ensure!(open(&leader.client, kind, vm.meta.id).await.err() == Some(NodeError::NoScreen));
        }
    }
    Ok(())
}
