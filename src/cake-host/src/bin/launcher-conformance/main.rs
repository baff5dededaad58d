//! The conformance suite of both launchers, as a program: it must also run inside a guest whose pid 1 is systemd.
//!
//! ```text
//! launcher-conformance systemd|detached FOLDER     the suite; prints "ok NAME" or "FAIL NAME: why", fails if any did
//! launcher-conformance settings                     sets this machine's host name and time zone
//! launcher-conformance child …                     what the suite launches
//! launcher-conformance launch-and-wait KIND FOLDER UNIT     a launcher that the suite kills
//! ```

mod cases;
mod child;
mod settings;
mod suite;

use std::{env, path::Path, process::ExitCode};

use cake_host::launch::Choice;

/// An error of a case: what was not so.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["child", behaviour, ..] => child::run(behaviour),
        ["launch-and-wait", kind, folder, unit] => parallel(suite::launch_and_wait(kind, Path::new(folder), unit)),
        ["settings"] => parallel(settings::run()),
        [kind, folder] => parallel(suite::run(kind, Path::new(folder))),
        _ => Err("launcher-conformance systemd|detached FOLDER".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("launcher-conformance: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parallel(work: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(work)
}

fn choice(kind: &str) -> Result<Choice, Failure> {
    Ok(kind.parse()?)
}
