//! fork and exec by hand. std's `Command` can't put descriptors at fixed numbers (its own error pipe may be in the way)
//! nor write a record between the two.
//!
//! Between fork and exec the child of a process with threads may use only what POSIX calls async-signal-safe: no
//! allocation, no lock. So everything is prepared in [`Prepared`] before, and the child only makes system calls.

use std::{
    ffi::{CString, c_char, c_int},
    fs::File,
    io::{self, Read},
    os::fd::{AsFd, AsRawFd, OwnedFd, RawFd},
    ptr,
};

use nix::{
    fcntl::{FcntlArg, OFlag, fcntl},
    sys::signal::{SigSet, SigmaskHow, pthread_sigmask},
    unistd::pipe2,
};

use super::{received::FIRST, record::CHILD_OFFSET};

const LISTEN_PID: &[u8] = b"LISTEN_PID=";

/// What the child needs, ready to use.
pub(super) struct Prepared {
    program: CString,
    arguments: Vec<CString>,
    environment: Vec<CString>,
    /// `LISTEN_PID=` with room for the number, which only the child knows.
    listen_pid: Option<Vec<u8>>,
    /// All at numbers that are not in the way of 0, 1, 2, 3…
    input: OwnedFd,
    output: OwnedFd,
    record: OwnedFd,
    descriptors: Vec<OwnedFd>,
}

impl Prepared {
    /// `arguments` begin with the program's name.
    pub(super) fn new(
        program: CString,
        arguments: Vec<CString>,
        environment: Vec<CString>,
        output: Option<OwnedFd>,
        record: &File,
        descriptors: &[OwnedFd],
    ) -> io::Result<Self> {
        let floor = FIRST + c_int::try_from(descriptors.len()).map_err(io::Error::other)?;
        let null = File::options().read(true).write(true).open("/dev/null")?;
        let output = output.map_or_else(|| null.try_clone().map(OwnedFd::from), Ok)?;
        Ok(Self {
            program,
            arguments,
            environment,
            listen_pid: (!descriptors.is_empty()).then(|| [LISTEN_PID, &[0; 12]].concat()),
            input: above(null, floor)?,
            output: above(output, floor)?,
            record: above(record, floor)?,
            descriptors: descriptors.iter().map(|descriptor| above(descriptor, floor)).collect::<io::Result<_>>()?,
        })
    }

    /// Starts the child and waits until it has executed its program. Returns its pid; it must be reaped.
    pub(super) fn spawn(mut self) -> io::Result<u32> {
        let (read_end, write_end) = pipe2(OFlag::O_CLOEXEC)?;
        let write_end = above(write_end, FIRST + self.descriptors.len() as c_int)?;
        let mut arguments: Vec<*const c_char> = self.arguments.iter().map(|argument| argument.as_ptr()).collect();
        arguments.push(ptr::null());
        let mut environment: Vec<*const c_char> = self.environment.iter().map(|variable| variable.as_ptr()).collect();
        let listen_pid = self.listen_pid.as_mut().map_or(ptr::null_mut(), |room| room.as_mut_ptr());
        if !listen_pid.is_null() {
            environment.push(listen_pid.cast());
        }
        environment.push(ptr::null());
        let raw: Vec<RawFd> = self.descriptors.iter().map(AsRawFd::as_raw_fd).collect();

        // No handler of ours may run in the child: tokio's would write into the pipe that it shares with us.
        let mut before = SigSet::empty();
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::all()), Some(&mut before))?;
        // SAFETY: the child branch only makes async-signal-safe calls on memory prepared above and never returns.
        let forked = unsafe { libc::fork() };
        if forked == 0 {
            let child = Child {
                program: self.program.as_ptr(),
                arguments: arguments.as_ptr(),
                environment: environment.as_ptr(),
                listen_pid,
                input: self.input.as_raw_fd(),
                output: self.output.as_raw_fd(),
                record: self.record.as_raw_fd(),
                descriptors: &raw,
            };
            // SAFETY: we are the child of a fork, with every signal blocked; all pointers are to live memory above.
            unsafe { child.become_program(write_end.as_raw_fd()) }
        }
        let error = io::Error::last_os_error();
        pthread_sigmask(SigmaskHow::SIG_SETMASK, Some(&before), None)?;
        let pid = u32::try_from(forked).map_err(|_| error)?;

        drop(write_end);
        let mut failure = Vec::new();
        File::from(read_end).read_to_end(&mut failure)?;
        match <[u8; 4]>::try_from(failure.as_slice()) {
            // Closed by exec.
            Err(_) => Ok(pid),
            Ok(code) => {
                nix::sys::wait::waitpid(nix::unistd::Pid::from_raw(forked), None)?;
                Err(io::Error::from_raw_os_error(c_int::from_ne_bytes(code)))
            }
        }
    }
}

/// A copy at `floor` or above, closed on exec.
fn above(descriptor: impl AsFd, floor: RawFd) -> io::Result<OwnedFd> {
    let number = fcntl(descriptor, FcntlArg::F_DUPFD_CLOEXEC(floor))?;
    // SAFETY: just made by the kernel for us.
    Ok(unsafe { std::os::fd::FromRawFd::from_raw_fd(number) })
}

struct Child<'a> {
    program: *const c_char,
    arguments: *const *const c_char,
    environment: *const *const c_char,
    listen_pid: *mut u8,
    input: RawFd,
    output: RawFd,
    record: RawFd,
    descriptors: &'a [RawFd],
}

impl Child<'_> {
    /// # Safety
    /// Only in the child of a fork, with all signals blocked.
    unsafe fn become_program(&self, failure: RawFd) -> ! {
        // SAFETY: handed down from the caller.
        let code = unsafe { self.try_to() };
        let bytes = code.to_ne_bytes();
        // SAFETY: four bytes of our stack; _exit runs nothing of the parent's.
        unsafe {
            libc::write(failure, bytes.as_ptr().cast(), bytes.len());
            libc::_exit(127)
        }
    }

    /// Returns only on failure, with the error's number.
    ///
    /// # Safety
    /// As [`Child::become_program`].
    unsafe fn try_to(&self) -> c_int {
        // SAFETY: system calls on numbers and on memory that lives until exec.
        unsafe {
            default_signals();
            if libc::setsid() < 0 || libc::chdir(c"/".as_ptr()) < 0 || self.write_record() < 0 {
                return errno();
            }
            libc::umask(0o022);
            let standard = [self.input, self.output, self.output];
            for (number, source) in (0..).zip(standard.iter().chain(self.descriptors)) {
                if libc::dup2(*source, number) < 0 {
                    return errno();
                }
            }
            let rest = FIRST as libc::c_uint + self.descriptors.len() as libc::c_uint;
            if libc::syscall(libc::SYS_close_range, rest, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC) < 0 {
                return errno();
            }
            if !self.listen_pid.is_null() {
                write_number(self.listen_pid.add(LISTEN_PID.len()), libc::getpid().unsigned_abs());
            }
            let mut none = std::mem::zeroed::<libc::sigset_t>();
            libc::sigemptyset(&mut none);
            libc::sigprocmask(libc::SIG_SETMASK, &none, ptr::null_mut());
            libc::execve(self.program, self.arguments, self.environment);
            errno()
        }
    }

    /// # Safety
    /// As [`Child::become_program`].
    unsafe fn write_record(&self) -> isize {
        let mut text = [0u8; 2048];
        // SAFETY: system calls on our own stack.
        unsafe {
            let stat = libc::open(c"/proc/self/stat".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
            let length = libc::read(stat, text.as_mut_ptr().cast(), text.len());
            libc::close(stat);
            if length <= 0 {
                -1
            } else {
                libc::pwrite(self.record, text.as_ptr().cast(), length as usize, CHILD_OFFSET)
            }
        }
    }
}

/// Ignored signals stay ignored through exec, and Rust programs ignore SIGPIPE.
///
/// # Safety
/// Only in the child of a fork: the dispositions of the whole process change.
unsafe fn default_signals() {
    // The kernel's own struct: handler (SIG_DFL), flags, restorer, mask.
    let default = [0u64; 4];
    for signal in 1..=64 {
        // Not through libc, which keeps signals 32 and 33 to itself; they can come in ignored all the same.
        // SAFETY: the kernel reads the struct and writes nothing; signals that can't be changed are refused, harmlessly.
        unsafe {
            libc::syscall(libc::SYS_rt_sigaction, signal, default.as_ptr(), ptr::null_mut::<u64>(), size_of::<u64>())
        };
    }
}

/// # Safety
/// Eleven bytes at `room` are ours.
unsafe fn write_number(room: *mut u8, number: u32) {
    let (mut digits, mut count, mut rest) = ([0u8; 10], 0, number);
    loop {
        digits[count] = b'0' + (rest % 10) as u8;
        (count, rest) = (count + 1, rest / 10);
        if rest == 0 {
            break;
        }
    }
    for (at, digit) in digits[..count].iter().rev().chain(&[0]).enumerate() {
        // SAFETY: at most ten digits and the end.
        unsafe { room.add(at).write(*digit) };
    }
}

fn errno() -> c_int {
    io::Error::last_os_error().raw_os_error().unwrap_or(libc::EINVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_without_help() {
        for number in [0, 7, 10, 4711, u32::MAX] {
            let mut room = [b'x'; 12];
            // SAFETY: twelve bytes.
            unsafe { write_number(room.as_mut_ptr(), number) };
            let text = std::ffi::CStr::from_bytes_until_nul(&room).expect("an end");
            assert_eq!(text.to_str(), Ok(number.to_string().as_str()));
        }
    }
}
