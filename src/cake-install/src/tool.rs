//! Programs of the system that do the writing. Arguments are a vector, never a shell's line; secrets go by descriptor.

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// So often it is looked at whether a program has ended or the person has cancelled.
const TICK: Duration = Duration::from_millis(20);
/// Longest message of a program that is told on, in characters.
const MESSAGE_MAX: usize = 400;

#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    #[error("{program} can't be started")]
    Start {
        program: String,
        #[source]
        source: io::Error,
    },
    #[error("{program} {doing} failed ({status}): {message}")]
    Failed { program: String, doing: String, status: ExitStatus, message: String },
    #[error("cancelled")]
    Cancelled,
}

/// Runs programs, and ends them when `cancel` is set.
pub struct Tools<'a> {
    cancel: &'a AtomicBool,
}

struct Said {
    status: ExitStatus,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
}

impl<'a> Tools<'a> {
    pub fn new(cancel: &'a AtomicBool) -> Self {
        Self { cancel }
    }

    pub fn check_cancelled(&self) -> Result<(), ToolError> {
        if self.cancel.load(Ordering::Relaxed) { Err(ToolError::Cancelled) } else { Ok(()) }
    }

    /// Runs a program that must succeed; what it printed.
    pub fn run(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Vec<u8>, ToolError> {
        self.run_with(program, arguments, &[])
    }

    /// The same, with something to read on its standard input.
    pub fn run_with(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: &[u8],
    ) -> Result<Vec<u8>, ToolError> {
        let arguments: Vec<OsString> = arguments.into_iter().map(|argument| argument.as_ref().to_owned()).collect();
        let said = self.execute(program, &arguments, input)?;
        if said.status.success() {
            return Ok(said.stdout);
        }
        let doing = arguments.first().map(|first| first.to_string_lossy().into_owned()).unwrap_or_default();
        let text =
            String::from_utf8_lossy(if said.stderr.is_empty() { &said.stdout } else { &said.stderr }).into_owned();
        let words: Vec<&str> = text.split_whitespace().collect();
        let message = words.join(" ").chars().take(MESSAGE_MAX).collect();
        Err(ToolError::Failed { program: program.into(), doing, status: said.status, message })
    }

    /// What a program printed; `None` where it failed, which is an answer too.
    pub fn said(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
    ) -> Result<Option<Vec<u8>>, ToolError> {
        self.said_with(program, arguments, &[])
    }

    /// The same, with something to read on its standard input.
    pub fn said_with(
        &self,
        program: &str,
        arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
        input: &[u8],
    ) -> Result<Option<Vec<u8>>, ToolError> {
        match self.run_with(program, arguments, input) {
            Ok(stdout) => Ok(Some(stdout)),
            Err(ToolError::Failed { .. }) => Ok(None),
            Err(other) => Err(other),
        }
    }

    fn execute(&self, program: &str, arguments: &[OsString], input: &[u8]) -> Result<Said, ToolError> {
        self.check_cancelled()?;
        let start = |source| ToolError::Start { program: program.to_owned(), source };
        let mut command = Command::new(program);
        command.args(arguments).env("LC_ALL", "C").env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(start)?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        thread::scope(|scope| {
            let out = scope.spawn(|| drained(stdout));
            let err = scope.spawn(|| drained(stderr));
            // Inputs are keys and partition tables: they fit into a pipe, and who does not read them fails anyway.
            if let Some(mut stdin) = stdin {
                let _ = stdin.write_all(input);
            }
            let status = loop {
                if let Some(status) = child.try_wait().map_err(start)? {
                    break status;
                }
                if self.cancel.load(Ordering::Relaxed) {
                    let _ = child.kill();
                    let _ = child.wait();
                    return Err(ToolError::Cancelled);
                }
                thread::sleep(TICK);
            };
            let (stdout, stderr) = (out.join().unwrap_or_default(), err.join().unwrap_or_default());
            Ok(Said { status, stdout, stderr })
        })
    }
}

fn drained(pipe: Option<impl Read>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        let _ = pipe.read_to_end(&mut bytes);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_says_why_it_failed() {
        let never = AtomicBool::new(false);
        let tools = Tools::new(&never);
        assert_eq!(tools.run_with("cat", [""; 0], b"x").unwrap(), b"x");
        let error = tools.run("cat", ["/nonexistent/file"]).unwrap_err().to_string();
        assert!(error.starts_with("cat /nonexistent/file failed (exit status: 1): cat: "), "{error}");
        assert_eq!(tools.said("false", [""; 0]).unwrap(), None);
        assert!(matches!(tools.run("no-such-program", [""; 0]), Err(ToolError::Start { .. })));
    }

    #[test]
    fn who_cancels_does_not_wait() {
        let cancel = AtomicBool::new(false);
        thread::scope(|scope| {
            let run = scope.spawn(|| Tools::new(&cancel).run("sleep", ["600"]));
            cancel.store(true, Ordering::Relaxed);
            assert!(matches!(run.join().unwrap(), Err(ToolError::Cancelled)));
        });
    }
}
