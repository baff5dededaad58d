//! What a new VM is like where nobody asks for anything: like the machine that its image came with, if it came with one.
//!
//! An image's word is no more than a person's: what does not fit the server is refused in the same words.

use crate::admission::{Trust, fits, sectors};
use crate::hardware::{DISKS_MAX, SATA_DISKS_MAX, drivers};
use crate::network::Asked;
use cake_types::limits::NICS_MAX;
use cake_types::{ByteSize, Code, Drivers, Firmware, GuestOs, ImageSpec, NicSpec, Problem};

/// What is asked, or what the image says; an image that says nothing leaves it to whoever asks.
fn asked_or<T>(asked: Option<T>, own: Option<T>, field: &str) -> Result<T, Problem> {
    asked.or(own).ok_or_else(|| Problem::invalid(field, "missing").at(&format!("/{field}")))
}

pub fn cpus(asked: Option<u32>, image: &ImageSpec) -> Result<u32, Problem> {
    asked_or(asked, image.machine.as_ref().map(|machine| machine.cpus), "cpus")
}

pub fn memory(asked: Option<ByteSize>, image: &ImageSpec) -> Result<ByteSize, Problem> {
    asked_or(asked, image.machine.as_ref().map(|machine| machine.memory), "memory")
}

/// What the image's machine had, as far as the firmware allows it; Windows on UEFI has both, because its setup asks for them.
pub fn trust(image: &ImageSpec, firmware: Firmware) -> Trust {
    let uefi = firmware == Firmware::Uefi;
    match &image.machine {
        Some(machine) => {
            Trust { tpm: machine.tpm && firmware != Firmware::Direct, secure_boot: machine.secure_boot && uefi }
        }
        None => {
            let both = image.os == GuestOs::Windows && uefi;
            Trust { tpm: both, secure_boot: both }
        }
    }
}

/// The network cards: as many as the image's machine had, all of them where `first` is, which is the one that is asked for; ports lead
/// only to the first. A machine without cards gets one only if somebody asks for a network.
pub fn nics(asked: &Asked, first: Option<NicSpec>, image: &ImageSpec) -> Vec<NicSpec> {
    let Some(first) = first else { return Vec::new() };
    let had = image.machine.as_ref().map_or(1, |machine| machine.nics as usize).min(NICS_MAX);
    let silent = asked.network.is_none() && asked.forwards.is_empty();
    let count = if silent { had } else { had.max(1) };
    let further = match &first {
        NicSpec::Nat { .. } => NicSpec::nat(),
        NicSpec::Bridged { .. } => first.clone(),
    };
    std::iter::once(first).chain(std::iter::repeat(further)).take(count).collect()
}

/// The sizes of the disks behind the first, which has `first`; all of them together must fit the pool, and the machine.
pub fn further_disks(
    image: &ImageSpec,
    image_name: &str,
    first: ByteSize,
    pool: &str,
    free: Option<ByteSize>,
) -> Result<Vec<ByteSize>, Problem> {
    let most = match drivers(image) {
        Drivers::Virtio => DISKS_MAX,
        Drivers::Everyday => SATA_DISKS_MAX,
    };
    let have = image.more_disks.len() + 1;
    if have > most {
        let problem = Problem::new(Code::TooManyDisks).with("image", image_name);
        return Err(problem.with("asked", have).with("have", most).at("/image"));
    }
    let sizes: Vec<ByteSize> = image.more_disks.iter().map(|size| sectors(*size)).collect();
    let all = sizes.iter().fold(first.bytes(), |sum, size| sum.saturating_add(size.bytes()));
    fits(ByteSize(all), free, pool).map_err(|problem| problem.at("/disk"))?;
    Ok(sizes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_types::{ImageFormat, ImageMachine};
    use std::collections::BTreeMap;

    fn image(machine: Option<ImageMachine>) -> ImageSpec {
        ImageSpec {
            title: BTreeMap::new(),
            format: ImageFormat::Raw,
            os: GuestOs::Windows,
            firmware: vec![Firmware::Bios, Firmware::Uefi],
            min_memory: ByteSize::mib(16),
            virtual_size: ByteSize::gib(2),
            sha256: String::new(),
            built_in: false,
            more_disks: vec![ByteSize::gib(1), ByteSize::mib(8)],
            machine,
        }
    }

    fn machine() -> ImageMachine {
        ImageMachine {
            name: None,
            cpus: 4,
            memory: ByteSize::gib(3),
            firmware: Firmware::Bios,
            secure_boot: true,
            tpm: true,
            everyday: true,
            nics: 2,
        }
    }

    #[test]
    fn what_is_left_out_is_as_the_machine_was() {
        let (own, none) = (image(Some(machine())), image(None));
        assert_eq!((cpus(None, &own), cpus(Some(1), &own), cpus(Some(2), &none)), (Ok(4), Ok(1), Ok(2)));
        assert_eq!(
            (memory(None, &own), memory(Some(ByteSize::gib(1)), &own)),
            (Ok(ByteSize::gib(3)), Ok(ByteSize::gib(1)))
        );
        assert_eq!(cpus(None, &none).unwrap_err().pointer.as_deref(), Some("/cpus"));
        assert_eq!(memory(None, &none).unwrap_err().code, Code::Invalid);
        // A machine that is told to start by another firmware has what that allows.
        assert_eq!(trust(&own, Firmware::Bios), Trust { tpm: true, secure_boot: false });
        assert_eq!(trust(&own, Firmware::Uefi), Trust { tpm: true, secure_boot: true });
        assert_eq!(trust(&none, Firmware::Uefi), Trust { tpm: true, secure_boot: true });
        assert_eq!(trust(&none, Firmware::Bios), Trust::default());
    }

    #[test]
    fn as_many_cards_as_it_had() {
        let nat = |ports: &[&str]| NicSpec::Nat { forwards: ports.iter().map(|port| port.parse().unwrap()).collect() };
        let asked = |network: Option<&str>, ports: &[&str]| Asked {
            network: network.map(str::to_owned),
            forwards: ports.iter().map(ToString::to_string).collect(),
        };
        let two = image(Some(machine()));
        let without = image(Some(ImageMachine { nics: 0, ..machine() }));
        let many = image(Some(ImageMachine { nics: 99, ..machine() }));
        let port = "tcp:8080:80";
        assert_eq!(nics(&asked(None, &[]), Some(nat(&[])), &two), [nat(&[]), nat(&[])]);
        assert_eq!(nics(&asked(None, &[port]), Some(nat(&[port])), &two), [nat(&[port]), nat(&[])]);
        assert_eq!(nics(&asked(Some("none"), &[]), None, &two), []);
        assert_eq!(nics(&asked(None, &[]), Some(nat(&[])), &without), []);
        assert_eq!(nics(&asked(Some("nat"), &[]), Some(nat(&[])), &without), [nat(&[])]);
        assert_eq!(nics(&asked(None, &[]), Some(nat(&[])), &many).len(), NICS_MAX);
        assert_eq!(nics(&asked(None, &[]), Some(nat(&[])), &image(None)), [nat(&[])]);
    }

    #[test]
    fn all_disks_count() {
        let own = image(Some(machine()));
        let sizes = |image: &ImageSpec, free| further_disks(image, "web", ByteSize::gib(2), "local", Some(free));
        assert_eq!(sizes(&own, ByteSize::gib(4)).unwrap(), [ByteSize::gib(1), ByteSize::mib(8)]);
        let full = sizes(&own, ByteSize::gib(3)).unwrap_err();
        assert_eq!((full.code, full.pointer.as_deref()), (Code::DiskDoesNotFit, Some("/disk")));
        let mut many = own.clone();
        many.more_disks = vec![ByteSize::mib(1); SATA_DISKS_MAX];
        assert_eq!(sizes(&many, ByteSize::gib(4)).unwrap_err().code, Code::TooManyDisks);
        many.machine = Some(ImageMachine { everyday: false, ..machine() });
        assert_eq!(sizes(&many, ByteSize::gib(4)).unwrap().len(), SATA_DISKS_MAX);
    }
}
