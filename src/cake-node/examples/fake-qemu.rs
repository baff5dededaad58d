//! A QEMU that behaves badly in the way that the file `/behaviour` of its root says. For tests: it stands in an engine's place.

use std::io::{BufRead, BufReader, Write};
use std::os::fd::FromRawFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::os::unix::process::CommandExt;

const GREETING: &str =
    r#"{"QMP": {"version": {"qemu": {"major": 10, "minor": 0, "micro": 0}, "package": ""}, "capabilities": []}}"#;

fn main() -> std::io::Result<()> {
    let behaviour = std::fs::read_to_string("/behaviour")?;
    if behaviour == "dies" {
        eprintln!("fake-qemu: there is something wrong with my arguments");
        std::process::exit(1);
    }
    if behaviour == "knows no cpr" {
        // As one whose QEMU is too old for it, and otherwise the real one.
        if std::env::args().any(|argument| argument.contains("cpr")) {
            eprintln!("fake-qemu: Parameter 'channel-type' does not accept value 'cpr'");
            std::process::exit(1);
        }
        return Err(std::process::Command::new("/usr/bin/qemu-real").args(std::env::args_os().skip(1)).exec());
    }
    // SAFETY: the launcher passes the QMP socket at descriptor 3.
    let listener = unsafe { UnixListener::from_raw_fd(3) };
    let (stream, _) = listener.accept()?;
    let ended = match &*behaviour {
        "babbles" => forever(&stream, b"no JSON at all\n"),
        "never ends a line" => forever(&stream, b"[[[[[[[["),
        "says nothing" => Ok(()),
        "closes in the middle" => (&stream).write_all(&GREETING.as_bytes()[..20]),
        "closes after the greeting" => say(&stream, GREETING),
        "floods" => {
            greet(&stream)?;
            forever(&stream, b"{\"event\": \"NOISE\", \"timestamp\": {\"seconds\": 1, \"microseconds\": 1}}\n")
        }
        "answers what nobody asked" => {
            say(&stream, GREETING)?;
            say(&stream, r#"{"return": {}, "id": 4711}"#)
        }
        "lies about its state" => {
            greet(&stream)?;
            answer_all(&stream, r#"{"running": "perhaps", "status": 7}"#)
        }
        other => panic!("{other:?} is no behaviour"),
    };
    // Whoever was not killed meanwhile closes and holds on, like a QEMU that hangs; or does not even close.
    if behaviour != "says nothing" {
        drop((ended, stream));
    }
    loop {
        std::thread::park();
    }
}

fn say(mut stream: &UnixStream, line: &str) -> std::io::Result<()> {
    stream.write_all(line.as_bytes())?;
    stream.write_all(b"\n")
}

/// Up to the first command's answer.
fn greet(stream: &UnixStream) -> std::io::Result<()> {
    say(stream, GREETING)?;
    BufReader::new(stream.try_clone()?).read_line(&mut String::new())?;
    say(stream, r#"{"return": {}, "id": 0}"#)
}

fn answer_all(stream: &UnixStream, answer: &str) -> std::io::Result<()> {
    for (id, line) in (1..).zip(BufReader::new(stream.try_clone()?).lines()) {
        line?;
        say(stream, &format!(r#"{{"return": {answer}, "id": {id}}}"#))?;
    }
    Ok(())
}

fn forever(mut stream: &UnixStream, bytes: &[u8]) -> std::io::Result<()> {
    let much = bytes.repeat(1000);
    loop {
        stream.write_all(&much)?;
    }
}
