//! Keeps the daemon small on machines whose memory belongs to guests.

use std::fs;
use std::io;
use std::time::Duration;

/// How often the program's pages are given back. A daemon that is at work has what it needs again within a millisecond.
const LOOK_AGAIN: Duration = Duration::from_secs(30);

/// The allocator has so many arenas (one for each thread that allocates much) and keeps less for later. Call it before there are
/// threads.
pub fn spare(arenas: i32) {
    // SAFETY: mallopt only sets parameters of the allocator, and no other thread exists yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, arenas);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 64 * 1024);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 128 * 1024);
    }
}

/// Gives back what only the start needed, and then from time to time what only the last round of work needed.
pub async fn stay_small() {
    let mut timer = tokio::time::interval(LOOK_AGAIN);
    loop {
        timer.tick().await;
        if let Err(error) = release_program() {
            tracing::debug!(%error, "memory was not given back: {error}");
        }
    }
}

/// Gives back the pages of the program that only its start or its last round of work needed. Nothing is lost: they are never
/// written, so the page cache has them, and what is executed again comes from there.
fn release_program() -> io::Result<()> {
    for (start, length) in unwritten(&fs::read_to_string("/proc/self/maps")?) {
        let start = start as *mut libc::c_void;
        // SAFETY: the range maps a file and is never written; its pages come back from the file at the next access, so that
        // dropping them changes nothing that anybody can see.
        if unsafe { libc::madvise(start, length, libc::MADV_DONTNEED) } != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Start and length in bytes of each file's code and of the constants that lie before it (proc_pid_maps(5)). What follows the code
/// is left alone: the dynamic linker has written there before it took the right to write away.
fn unwritten(maps: &str) -> Vec<(usize, usize)> {
    let (mut found, mut past_code) = (Vec::new(), "");
    for line in maps.lines() {
        let mut fields = line.split_ascii_whitespace();
        let (Some(range), Some(rights), Some(path)) = (fields.next(), fields.next(), fields.nth(3)) else { continue };
        let bounds = range.split_once('-').and_then(|(start, end)| {
            let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
            Some((start, end.checked_sub(start)?))
        });
        if !path.starts_with('/') || path == past_code {
            continue;
        }
        match rights {
            "r--p" => found.extend(bounds),
            "r-xp" => {
                found.extend(bounds);
                past_code = path;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_never_written_is_given_back() {
        let maps = "\
1000-3000 r--p 00000000 fe:00 1  /usr/bin/x
3000-9000 r-xp 00002000 fe:00 1  /usr/bin/x
9000-a000 r--p 00008000 fe:00 1  /usr/bin/x
a000-b000 rw-p 00009000 fe:00 1  /usr/bin/x
b000-c000 rw-p 00000000 00:00 0  [heap]
7000-8000 r-xp 00000000 00:00 0  [vdso]
8000-9000 rw-s 00000000 00:00 0  /srv/node.db-shm
";
        assert_eq!(unwritten(maps), [(0x1000, 0x2000), (0x3000, 0x6000)]);
        release_program().unwrap();
    }
}
