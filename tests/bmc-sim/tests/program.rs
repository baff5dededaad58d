//! The program: it says where it is, obeys lines from standard input and from a socket, and runs a server.

use crate::support::{DEADLINE, until};
use anyhow::{Context, Result, ensure};
use cake_bmc::asf::{Ping, Pong};
use cake_bmc_sim::Description;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{UdpSocket, UnixStream};
use tokio::process::Command;
use tokio::time::timeout;

const EXAMPLE: &str = include_str!("../examples/server.toml");

#[tokio::test(flavor = "multi_thread")]
async fn it_runs_as_its_example_says() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let (file, socket) = (directory.path().join("server.toml"), directory.path().join("control"));
    std::fs::write(&file, EXAMPLE)?;
    let mut command = Command::new(env!("CARGO_BIN_EXE_cake-bmc-sim"));
    command.arg(&file).arg("--control").arg(&socket).stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
    let mut program = command.spawn()?;
    let (mut keys, screen) = (program.stdin.take().context("a pipe")?, program.stdout.take().context("a pipe")?);
    let mut lines = BufReader::new(screen).lines();
    let mut next = async || timeout(DEADLINE, lines.next_line()).await??.context("it ended");
    let ready = next().await?;
    let address = ready.strip_prefix("ready ").context("where it is")?.to_owned();

    let asking = UdpSocket::bind("127.0.0.1:0").await?;
    asking.send_to(&Ping { tag: 3 }.encode(), &address).await?;
    let mut buffer = [0; 64];
    let length = timeout(DEADLINE, asking.recv(&mut buffer)).await??;
    ensure!(Pong::parse(&buffer[..length])?.ipmi);

    keys.write_all(b"set CPU Temp 95\nset Nothing 1\n").await?;
    ensure!(next().await? == "ok " && next().await? == "error there is no sensor Nothing");
    // Nobody types any more: it goes on.
    drop(keys);
    let (reading, mut writing) = UnixStream::connect(&socket).await?.into_split();
    let mut said = BufReader::new(reading).lines();
    writing.write_all(b"power on\n").await?;
    ensure!(timeout(DEADLINE, said.next_line()).await??.as_deref() == Some("ok "));
    let state = loop {
        writing.write_all(b"state\n").await?;
        let line = timeout(DEADLINE, said.next_line()).await??.context("it ended")?;
        let state: serde_json::Value = serde_json::from_str(line.strip_prefix("ok ").context("ok")?)?;
        if state["pid"].is_u64() {
            break state;
        }
    };
    ensure!(state["on"] == true && state["events"] == 2, "{state}");
    let server = format!("/proc/{}", state["pid"]);
    ensure!(std::path::Path::new(&server).exists());
    writing.write_all(b"power off\n").await?;
    until("the server has ended", || Ok(!std::path::Path::new(&server).exists())).await?;
    program.kill().await?;
    Ok(())
}

#[test]
fn a_description_that_cannot_be_is_refused() {
    for wrong in [
        "",
        "users = []\nnonsense = 1",
        "users = [{ id = 1, name = 'a', password = 'b', privilege = 4 }]",
        "users = [{ id = 2, name = 'longer than sixteen', password = 'b', privilege = 4 }]",
        "users = []\n[[sensors]]\nnumber = 1\nname = 'longer than sixteen'\nkind = 1\nentity = [3, 1]",
        "users = []\n[[parts]]\nname = 'P'\nserial = 'S'",
        "users = []\n[[sensors]]\nnumber = 1\nname = 'M'\nkind = 1\nentity = [3, 1]\nm = 512",
    ] {
        assert!(Description::parse(wrong).is_err(), "{wrong}");
    }
}
