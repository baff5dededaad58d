//! The OVF envelope, version 1.1 (DMTF DSP0243 1.1.0), with the hardware that every product knows: LSI Logic SCSI controllers and
//! an Intel E1000, of which all systems that such products run have drivers.
//!
//! What only cake can say, whether the machine has a TPM and what its guest has drivers for, is said in a namespace of its own.
//!
//! MAC addresses are not in it: whoever takes such a package in gives the machine its own.

use super::read::CAKE;
use super::{Machine, Nic, PackedDisk};
use cake_types::Firmware;
use std::collections::BTreeSet;
use std::fmt::Write;

const OVF: &str = "http://schemas.dmtf.org/ovf/envelope/1";
const RASD: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_ResourceAllocationSettingData";
const VSSD: &str = "http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/CIM_VirtualSystemSettingData";
const VMW: &str = "http://www.vmware.com/schema/ovf";
const VMDK: &str = "http://www.vmware.com/interfaces/specifications/vmdk.html#streamOptimized";

/// Numbers of CIM_ResourceAllocationSettingData.ResourceType (DMTF DSP1041).
const PROCESSOR: u32 = 3;
const MEMORY: u32 = 4;
const SCSI: u32 = 6;
const ETHERNET: u32 = 10;
const DISK: u32 = 17;
/// Disks of one SCSI controller: 16 places, one of which is its own.
const PLACES: usize = 15;

/// The whole descriptor.
pub fn text(machine: &Machine) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let namespaces = [("", OVF), (":ovf", OVF), (":rasd", RASD), (":vssd", VSSD), (":vmw", VMW), (":cake", CAKE)];
    let namespaces: String = namespaces.iter().map(|(name, uri)| format!(" xmlns{name}=\"{uri}\"")).collect();
    line(&mut out, 0, &format!("<Envelope ovf:version=\"1.0\" xml:lang=\"en-US\"{namespaces}>"));
    references(&mut out, &machine.disks);
    disks(&mut out, &machine.disks);
    networks(&mut out, &machine.nics);
    system(&mut out, machine);
    line(&mut out, 0, "</Envelope>");
    out
}

fn line(out: &mut String, depth: usize, text: &str) {
    // Writing to a string can't fail.
    let _ = writeln!(out, "{:1$}{text}", "", depth * 2);
}

/// Text as XML writes it, in elements and attributes alike (XML 1.0 §2.4). What XML can't say at all is left out.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c if c.is_control() => {}
            c => out.push(c),
        }
    }
    out
}

fn references(out: &mut String, disks: &[PackedDisk]) {
    line(out, 1, "<References>");
    for (index, PackedDisk { file, length, capacity: _ }) in disks.iter().enumerate() {
        let (id, file) = (index + 1, escaped(file));
        line(out, 2, &format!("<File ovf:id=\"file{id}\" ovf:href=\"{file}\" ovf:size=\"{length}\"/>"));
    }
    line(out, 1, "</References>");
}

fn disks(out: &mut String, disks: &[PackedDisk]) {
    line(out, 1, "<DiskSection>");
    line(out, 2, "<Info>Virtual disks</Info>");
    for (index, disk) in disks.iter().enumerate() {
        let (id, capacity) = (index + 1, disk.capacity.bytes());
        let names = format!("ovf:diskId=\"vmdisk{id}\" ovf:fileRef=\"file{id}\"");
        let size = format!("ovf:capacity=\"{capacity}\" ovf:capacityAllocationUnits=\"byte\"");
        line(out, 2, &format!("<Disk {names} {size} ovf:format=\"{VMDK}\"/>"));
    }
    line(out, 1, "</DiskSection>");
}

fn networks(out: &mut String, nics: &[Nic]) {
    if nics.is_empty() {
        return;
    }
    line(out, 1, "<NetworkSection>");
    line(out, 2, "<Info>Networks</Info>");
    for network in nics.iter().map(|nic| nic.network.as_str()).collect::<BTreeSet<_>>() {
        let network = escaped(network);
        line(out, 2, &format!("<Network ovf:name=\"{network}\"><Description>{network}</Description></Network>"));
    }
    line(out, 1, "</NetworkSection>");
}

fn system(out: &mut String, machine: &Machine) {
    let name = escaped(&machine.name);
    line(out, 1, &format!("<VirtualSystem ovf:id=\"{name}\">"));
    line(out, 2, "<Info>A virtual machine</Info>");
    line(out, 2, &format!("<Name>{name}</Name>"));
    // CIM_OperatingSystem.OSType: 1 is Other, 102 Other 64-Bit.
    let (id, kind) = if machine.windows { (1, "windows9_64Guest") } else { (102, "otherGuest64") };
    line(out, 2, &format!("<OperatingSystemSection ovf:id=\"{id}\" vmw:osType=\"{kind}\">"));
    line(out, 3, "<Info>The guest operating system</Info>");
    line(out, 2, "</OperatingSystemSection>");
    line(out, 2, "<VirtualHardwareSection>");
    line(out, 3, "<Info>Virtual hardware</Info>");
    line(out, 3, "<System>");
    line(out, 4, "<vssd:ElementName>Virtual Hardware Family</vssd:ElementName>");
    line(out, 4, "<vssd:InstanceID>0</vssd:InstanceID>");
    line(out, 4, &format!("<vssd:VirtualSystemIdentifier>{name}</vssd:VirtualSystemIdentifier>"));
    line(out, 4, "<vssd:VirtualSystemType>vmx-13</vssd:VirtualSystemType>");
    line(out, 3, "</System>");
    hardware(out, machine);
    if machine.firmware == Firmware::Uefi {
        config(out, "firmware", "efi");
        config(out, "bootOptions.efiSecureBootEnabled", if machine.secure_boot { "true" } else { "false" });
    }
    let own = format!("cake:everyday=\"{}\" cake:tpm=\"{}\"", machine.everyday, machine.tpm);
    line(out, 3, &format!("<cake:Machine ovf:required=\"false\" {own}/>"));
    line(out, 2, "</VirtualHardwareSection>");
    line(out, 1, "</VirtualSystem>");
}

/// What a product that does not know it leaves aside.
fn config(out: &mut String, key: &str, value: &str) {
    line(out, 3, &format!("<vmw:Config ovf:required=\"false\" vmw:key=\"{key}\" vmw:value=\"{value}\"/>"));
}

/// One item of virtual hardware. The schema wants its elements in the order of their names.
fn item(out: &mut String, elements: &[(&str, String)]) {
    let mut elements = elements.to_vec();
    elements.sort_by_key(|(name, _)| *name);
    line(out, 3, "<Item>");
    for (name, value) in elements {
        line(out, 4, &format!("<rasd:{name}>{}</rasd:{name}>", escaped(&value)));
    }
    line(out, 3, "</Item>");
}

fn hardware(out: &mut String, machine: &Machine) {
    let mut instance = 0u32;
    let mut next = || {
        instance += 1;
        instance
    };
    let mut add = |kind: u32, title: String, more: &[(&str, String)]| {
        let id = next();
        let common = [("ElementName", title), ("InstanceID", id.to_string()), ("ResourceType", kind.to_string())];
        item(out, &[&common[..], more].concat());
        id
    };
    let cpus = machine.cpus.to_string();
    add(
        PROCESSOR,
        format!("{cpus} virtual CPU(s)"),
        &[("AllocationUnits", "hertz * 10^6".into()), ("VirtualQuantity", cpus.clone())],
    );
    let mib = machine.memory.mib_ceil().to_string();
    add(
        MEMORY,
        format!("{mib} MB of memory"),
        &[("AllocationUnits", "byte * 2^20".into()), ("VirtualQuantity", mib.clone())],
    );
    let kind = if machine.windows { "lsilogicsas" } else { "lsilogic" };
    let places: Vec<usize> = (0..machine.disks.len()).collect();
    for (controller, disks) in places.chunks(PLACES).enumerate() {
        let facts = [("Address", controller.to_string()), ("ResourceSubType", kind.to_owned())];
        let parent = add(SCSI, format!("SCSI controller {controller}"), &facts);
        for (place, disk) in disks.iter().enumerate() {
            // The seventh place is the controller's own.
            let place = if place < 7 { place } else { place + 1 };
            let facts = [
                ("AddressOnParent", place.to_string()),
                ("HostResource", format!("ovf:/disk/vmdisk{}", disk + 1)),
                ("Parent", parent.to_string()),
            ];
            add(DISK, format!("Hard disk {}", disk + 1), &facts);
        }
    }
    for (index, nic) in machine.nics.iter().enumerate() {
        let facts = [
            ("AutomaticAllocation", "true".to_owned()),
            ("Connection", nic.network.clone()),
            ("ResourceSubType", "E1000".to_owned()),
        ];
        add(ETHERNET, format!("Network adapter {}", index + 1), &facts);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::package::tests::machine;

    /// What a person who reads it sees; that XML parsers and other products read it is tested where they are.
    #[test]
    fn the_descriptor_is_as_it_was() {
        let text = text(&machine());
        let golden = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/mail.ovf");
        if std::env::var_os("CAKE_UPDATE_GOLDEN").is_some() {
            std::fs::write(golden, &text).unwrap();
        }
        assert_eq!(text, std::fs::read_to_string(golden).unwrap());
    }

    #[test]
    fn a_name_can_say_nothing_but_itself() {
        assert_eq!(escaped("a<b> & \"c\"\u{0}\u{1b}"), "a&lt;b&gt; &amp; &quot;c&quot;");
    }

    #[test]
    fn more_disks_than_a_controller_has_places_get_another() {
        let disk =
            |number: u32| PackedDisk { file: format!("d{number}"), length: 1, capacity: cake_types::ByteSize(512) };
        let text = text(&Machine { disks: (0..16).map(disk).collect(), ..machine() });
        assert_eq!(text.matches("<rasd:ResourceType>6<").count(), 2);
        assert_eq!(text.matches("<rasd:AddressOnParent>0<").count(), 2);
        assert_eq!(text.matches("<rasd:AddressOnParent>7<").count(), 0);
    }
}
