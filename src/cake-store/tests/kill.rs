//! Killed at random instants under load: what was acknowledged is there, and nothing in half.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

const LANES: u64 = 8;
const KILLS_PER_LANE: u64 = 26;
const WRITER: &str = env!("CARGO_BIN_EXE_cake-store-writer");

/// A number below `limit` that looks random and is the same every time.
fn scramble(seed: u64, limit: u64) -> u64 {
    let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (z ^ (z >> 31)) % limit
}

/// Starts the writer, kills it after some acknowledgements, and adds all it acknowledged to `acked`.
fn write_and_kill(directory: &Path, acks_to_wait_for: u64, acked: &Path) -> u64 {
    let mut child = Command::new(WRITER).arg(directory).stdout(Stdio::piped()).spawn().expect("the writer");
    let mut lines = BufReader::new(child.stdout.take().expect("its output"));
    let mut said = String::new();
    let mut count = 0;
    while count < acks_to_wait_for {
        assert!(lines.read_line(&mut said).expect("a line") > 0, "the writer ended by itself");
        count += 1;
    }
    // SIGKILL; what it still said before it died counts as well.
    child.kill().expect("killing it");
    child.wait().expect("its end");
    while lines.read_line(&mut said).expect("the rest") > 0 {
        count += 1;
    }
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(acked).expect("a file");
    file.write_all(said.as_bytes()).expect("writing down what was acknowledged");
    count
}

fn check(directory: &Path, acked: &Path) -> String {
    let output = Command::new(WRITER).arg("--check").arg(directory).arg(acked).output().expect("the checker");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    out.into_owned()
}

fn lane(lane: u64) -> u64 {
    let directory = tempfile::tempdir().expect("a directory");
    let acked = directory.path().join("acked");
    let mut acknowledged = 0;
    for kill in 0..KILLS_PER_LANE {
        acknowledged += write_and_kill(directory.path(), scramble(lane << 32 | kill, 60), &acked);
        let said = check(directory.path(), &acked);
        assert!(said.starts_with("ok "), "{said}");
    }
    acknowledged
}

#[test]
fn nothing_acknowledged_is_lost_when_it_is_killed_208_times() {
    let lanes: Vec<_> = (0..LANES).map(|number| std::thread::spawn(move || lane(number))).collect();
    let acknowledged: u64 = lanes.into_iter().map(|l| l.join().expect("a lane")).sum();
    assert!(acknowledged > LANES * KILLS_PER_LANE * 10, "only {acknowledged} writes: that was no load");
}

/// The checker must see a loss: take one write away and it does.
#[test]
fn the_checker_sees_a_loss() {
    let directory = tempfile::tempdir().expect("a directory");
    let acked = directory.path().join("acked");
    let limited = Command::new(WRITER).args(["--limit", "20"]).arg(directory.path()).output().expect("the writer");
    assert!(limited.status.success());
    let mut said = limited.stdout;
    std::fs::write(&acked, &said).expect("writing");
    check(directory.path(), &acked);
    for wrong in ["ack s1 21\n", "ack j0 21\n"] {
        said.extend_from_slice(wrong.as_bytes());
        std::fs::write(&acked, &said).expect("writing");
        let output = Command::new(WRITER).arg("--check").arg(directory.path()).arg(&acked).output().expect("it");
        assert!(!output.status.success(), "{wrong}");
        said.truncate(said.len() - wrong.len());
    }
}
