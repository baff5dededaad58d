//! Name plates of Redfish, in cake's words. Plain functions of documents.

use super::lenient::Text;
use super::wire::{Chassis, Component, Manager, System};
use cake_types::{Part, PartFact, PartField, PartTrouble};

pub fn system(path: &str, wire: &System) -> Part {
    let fields = [
        (PartFact::ProductMaker, &wire.manufacturer),
        (PartFact::ProductName, &wire.model),
        (PartFact::ProductPart, if wire.part_number.get().is_some() { &wire.part_number } else { &wire.sku }),
        (PartFact::ProductVersion, &wire.bios_version),
        (PartFact::ProductSerial, &wire.serial_number),
        (PartFact::ProductAsset, &wire.asset_tag),
    ];
    part(path, &wire.name, &fields, Vec::new())
}

pub fn chassis(path: &str, wire: &Chassis) -> Part {
    let fields = [
        (PartFact::ChassisKind, &wire.chassis_type),
        (PartFact::ProductMaker, &wire.manufacturer),
        (PartFact::ProductName, &wire.model),
        (PartFact::ChassisPart, if wire.part_number.get().is_some() { &wire.part_number } else { &wire.sku }),
        (PartFact::ChassisSerial, &wire.serial_number),
        (PartFact::ProductAsset, &wire.asset_tag),
    ];
    part(path, &wire.name, &fields, Vec::new())
}

pub fn manager(path: &str, wire: &Manager) -> Part {
    let fields = [(PartFact::ProductName, &wire.model), (PartFact::ProductVersion, &wire.firmware_version)];
    part(path, &wire.name, &fields, Vec::new())
}

/// A processor, memory module, drive or power supply. An empty slot is no part.
pub fn component(path: &str, wire: &Component) -> Option<Part> {
    if wire.status.0.as_ref().is_some_and(|status| status.state.is("Absent")) {
        return None;
    }
    let fields = [
        (PartFact::ProductMaker, &wire.manufacturer),
        (PartFact::ProductName, &wire.model),
        (PartFact::ProductPart, if wire.part_number.get().is_some() { &wire.part_number } else { &wire.sku }),
        (
            PartFact::ProductVersion,
            if wire.firmware_version.get().is_some() { &wire.firmware_version } else { &wire.revision },
        ),
        (PartFact::ProductSerial, &wire.serial_number),
        (PartFact::ProductAsset, &wire.asset_tag),
    ];
    let place = wire.device_locator.get().or(wire.socket.get()).map(str::to_owned);
    let size = wire.capacity_mib.0.map(|mib| format!("{mib} MiB"));
    let bytes = wire.capacity_bytes.0.map(|bytes| format!("{bytes} B"));
    let kind = [&wire.media_type, &wire.protocol, &wire.memory_device_type].map(|text| text.get().map(str::to_owned));
    let extra = [place, size, bytes].into_iter().chain(kind).flatten().collect();
    Some(part(path, &wire.name, &fields, extra))
}

fn part(path: &str, name: &Text, fields: &[(PartFact, &Text)], extra: Vec<String>) -> Part {
    let told = fields.iter().filter_map(|(what, text)| Some(PartField { what: *what, text: text.get()?.to_owned() }));
    let extra = extra.into_iter().map(|text| PartField { what: PartFact::Extra, text });
    let fields: Vec<_> = told.chain(extra).collect();
    let trouble = fields.is_empty().then_some(PartTrouble::Empty);
    let last = path.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    Part { id: path.to_owned(), name: name.get().unwrap_or(last).to_owned(), entity: None, fields, trouble }
}
