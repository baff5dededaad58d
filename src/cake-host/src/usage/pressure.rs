//! The kernel's pressure stall information (PSI).

use std::{fs, io};

/// What processes wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resource {
    Cpu,
    Memory,
    Io,
}

/// The share of time in which something waited.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pressure {
    /// At least one task waited.
    pub some: PressureShare,
    /// All of them did.
    pub full: PressureShare,
}

#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PressureShare {
    /// Percent over the last 10, 60 and 300 seconds.
    pub average_10: f32,
    pub average_60: f32,
    pub average_300: f32,
    /// Microseconds since the boot.
    pub total: u64,
}

impl Pressure {
    /// `None` where the kernel does not measure it.
    pub fn read(resource: Resource) -> io::Result<Option<Self>> {
        let name = match resource {
            Resource::Cpu => "cpu",
            Resource::Memory => "memory",
            Resource::Io => "io",
        };
        match fs::read_to_string(format!("/proc/pressure/{name}")) {
            Ok(text) => parse_pressure(&text)
                .map(Some)
                .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "unreadable pressure")),
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOENT | libc::EOPNOTSUPP)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

/// Reads a file of `/proc/pressure`. Older kernels have no `full` line for the processor.
pub fn parse_pressure(text: &str) -> Option<Pressure> {
    let mut pressure = Pressure::default();
    for line in text.lines() {
        let (kind, fields) = line.split_once(' ')?;
        let mut share = PressureShare::default();
        for field in fields.split_ascii_whitespace() {
            let (key, value) = field.split_once('=')?;
            match key {
                "avg10" => share.average_10 = value.parse().ok()?,
                "avg60" => share.average_60 = value.parse().ok()?,
                "avg300" => share.average_300 = value.parse().ok()?,
                "total" => share.total = value.parse().ok()?,
                _ => {}
            }
        }
        match kind {
            "some" => pressure.some = share,
            "full" => pressure.full = share,
            _ => {}
        }
    }
    Some(pressure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_lines() {
        let text = "some avg10=35.62 avg60=28.37 avg300=14.38 total=110752158\nfull avg10=0.00 avg60=1.50 avg300=0.00 total=7\n";
        let pressure = parse_pressure(text).expect("readable");
        assert_eq!((pressure.some.average_10, pressure.some.total), (35.62, 110_752_158));
        assert_eq!((pressure.full.average_60, pressure.full.total), (1.5, 7));
    }

    #[test]
    fn nonsense_is_none() {
        for text in ["some", "some avg10", "some avg10=x", "some total=-1"] {
            assert_eq!(parse_pressure(text), None, "{text}");
        }
    }
}
