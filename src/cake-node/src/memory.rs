//! Keeps the daemon small on machines whose memory belongs to guests.

use std::fs;
use std::io;

/// The allocator keeps less for later. Call it before there are threads.
pub fn spare() {
    // SAFETY: mallopt only sets parameters of the allocator, and no other thread exists yet.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
        libc::mallopt(libc::M_MMAP_THRESHOLD, 64 * 1024);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 128 * 1024);
    }
}

/// Gives back the pages of program code that only the start needed, and has the kernel bring in from now on what is executed
/// instead of sixteen pages around it. Nothing is lost: code is never written, so the page cache has it.
pub fn release_code() -> io::Result<()> {
    for (start, length) in code(&fs::read_to_string("/proc/self/maps")?) {
        let start = start as *mut libc::c_void;
        // SAFETY: the range is a mapping of a file that is executable and not writable; its pages come back from the file at
        // the next access, so that dropping them changes nothing that anybody can see.
        let advised = unsafe {
            libc::madvise(start, length, libc::MADV_RANDOM) | libc::madvise(start, length, libc::MADV_DONTNEED)
        };
        if advised != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

/// Executable, never written mappings of files, as start and length in bytes (proc_pid_maps(5)).
fn code(maps: &str) -> impl Iterator<Item = (usize, usize)> {
    maps.lines().filter_map(|line| {
        let mut fields = line.split_ascii_whitespace();
        let (range, rights) = (fields.next()?, fields.next()?);
        let path = fields.nth(3)?;
        if rights != "r-xp" || !path.starts_with('/') {
            return None;
        }
        let (start, end) = range.split_once('-')?;
        let (start, end) = (usize::from_str_radix(start, 16).ok()?, usize::from_str_radix(end, 16).ok()?);
        Some((start, end.checked_sub(start)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_code_of_files_is_given_back() {
        let maps = "\
1000-3000 r--p 00000000 fe:00 1  /usr/bin/x
3000-9000 r-xp 00002000 fe:00 1  /usr/bin/x
9000-a000 rw-p 00008000 fe:00 1  /usr/bin/x
a000-b000 rw-p 00000000 00:00 0  [heap]
7000-8000 r-xp 00000000 00:00 0  [vdso]
";
        assert_eq!(code(maps).collect::<Vec<_>>(), [(0x3000, 0x6000)]);
        release_code().unwrap();
    }
}
