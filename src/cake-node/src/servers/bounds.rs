//! What a BMC says, cut so that all of it fits into a frame ([`cake_node_api::FRAME_MAX`]), however many words it makes.

use cake_types::{
    BiosSetting, BmcDrive, BmcFirmware, BmcMedium, FoundBmc, FoundRedfish, Part, Sensor, SensorFact, ServerAnswer,
    ServerEvent,
};

/// More than any server has; what is beyond is not told of.
const SENSORS: usize = 320;
const FACTS: usize = 3;
const EVENTS: usize = 512;
const PARTS: usize = 128;
const FIELDS: usize = 24;
/// More than any BIOS shows.
const SETTINGS: usize = 1024;
const SLOTS: usize = 16;
/// Bytes of a path of Redfish.
const ID: usize = 512;
/// Characters of a text.
const TEXT: usize = 48;
/// Bytes of an address that an image comes from: what Redfish is given at most.
const IMAGE: usize = 2048;

/// Without what is no text: it would be six characters of JSON for one.
fn cut(text: &mut String) {
    text.retain(|c| !c.is_control());
    if let Some((at, _)) = text.char_indices().nth(TEXT) {
        text.truncate(at);
    }
}

fn fact(fact: &mut SensorFact) {
    cut(&mut fact.key);
    fact.text.iter_mut().for_each(cut);
}

pub fn sensors(mut sensors: Vec<Sensor>) -> Vec<Sensor> {
    sensors.truncate(SENSORS);
    for sensor in &mut sensors {
        cut(&mut sensor.id);
        cut(&mut sensor.name);
        sensor.facts.truncate(FACTS);
        sensor.facts.iter_mut().for_each(fact);
    }
    sensors
}

/// The newest of them, and whether there were more.
pub fn events(mut events: Vec<ServerEvent>) -> (Vec<ServerEvent>, bool) {
    let more = events.len().saturating_sub(EVENTS);
    events.drain(..more);
    for event in &mut events {
        cut(&mut event.id);
        event.sensor.iter_mut().for_each(cut);
        cut(&mut event.name);
        cut(&mut event.raw);
        fact(&mut event.fact);
    }
    (events, more > 0)
}

pub fn parts(mut parts: Vec<Part>) -> Vec<Part> {
    parts.truncate(PARTS);
    for part in &mut parts {
        cut(&mut part.id);
        cut(&mut part.name);
        part.fields.truncate(FIELDS);
        part.fields.iter_mut().for_each(|field| cut(&mut field.text));
    }
    parts
}

/// An id is given back as it is: what can't be one is none.
fn is_id(id: &str) -> bool {
    id.len() <= ID && !id.contains(char::is_control)
}

pub fn answer(mut answer: ServerAnswer) -> ServerAnswer {
    match &mut answer {
        ServerAnswer::Done => {}
        ServerAnswer::Drives(drives) => {
            drives.retain(|drive| is_id(&drive.id));
            drives.truncate(PARTS);
            for BmcDrive { id: _, name, model, serial, lit: _ } in drives {
                [name, model, serial].into_iter().for_each(cut);
            }
        }
        ServerAnswer::Firmware(all) => {
            all.retain(|firmware| is_id(&firmware.id));
            all.truncate(PARTS);
            for BmcFirmware { id: _, name, version, updateable: _ } in all {
                [name, version].into_iter().for_each(cut);
            }
        }
        ServerAnswer::Bios(all) => {
            all.truncate(SETTINGS);
            for BiosSetting { name, value, pending } in all {
                [name, value].into_iter().chain(pending).for_each(cut);
            }
        }
        ServerAnswer::Media(all) => {
            all.retain(|medium| is_id(&medium.id));
            all.truncate(SLOTS);
            for BmcMedium { id: _, name, kinds, image } in all {
                kinds.truncate(FACTS);
                kinds.iter_mut().chain([name]).for_each(cut);
                if let Some(image) = image {
                    image.retain(|c| !c.is_control());
                    image.truncate(image.floor_char_boundary(IMAGE));
                }
            }
        }
    }
    answer
}

pub fn redfish(mut redfish: FoundRedfish) -> FoundRedfish {
    cut(&mut redfish.version);
    cut(&mut redfish.vendor);
    cut(&mut redfish.product);
    redfish
}

/// As the node takes it from the worker.
pub fn found(mut bmc: FoundBmc) -> FoundBmc {
    bmc.redfish = bmc.redfish.map(redfish);
    bmc
}

#[cfg(test)]
mod tests {
    use super::*;
    use cake_node_api::{FRAME_MAX, ServerLog, frame};
    use cake_types::{
        Entity, FOUND_MAX, Limits, PartFact, PartField, SensorGroup, SensorState, SensorUnit, ServerStatus, Severity,
        Stamp,
    };
    use std::net::Ipv6Addr;
    use uuid::Uuid;

    /// As long as text can be, and things that are none.
    fn long() -> String {
        "\u{1}𠀋\u{7f}".repeat(5000)
    }

    fn fact() -> SensorFact {
        SensorFact { key: long(), severity: Severity::Warning, text: Some(long()) }
    }

    fn sensor() -> Sensor {
        let limit = Some(-1.234_567_890_123_456_7e-300);
        let limits = Limits {
            lower_non_recoverable: limit,
            lower_critical: limit,
            lower_non_critical: limit,
            upper_non_critical: limit,
            upper_critical: limit,
            upper_non_recoverable: limit,
        };
        Sensor {
            id: long(),
            number: Some(255),
            name: long(),
            group: SensorGroup::PowerSupply,
            unit: SensorUnit::KilowattHour,
            value: limit,
            state: SensorState::UpperNonRecoverable,
            facts: vec![fact(); 20],
            limits,
            entity: Some(Entity { id: 255, instance: 255 }),
        }
    }

    fn event() -> ServerEvent {
        ServerEvent {
            id: long(),
            at: None,
            sensor: Some(long()),
            name: long(),
            fact: fact(),
            asserted: true,
            value: Some(1e-300),
            limit: Some(1e-300),
            unit: SensorUnit::KilowattHour,
            raw: long(),
        }
    }

    #[test]
    fn whatever_a_bmc_says_fits_into_a_frame() {
        let status = ServerStatus { sensors: sensors(vec![sensor(); 5000]), ..ServerStatus::unheard(Stamp::default()) };
        let (events, more) = events(vec![event(); 5000]);
        let field = PartField { what: PartFact::ProductSerial, text: long() };
        let part = Part { id: long(), name: long(), entity: None, fields: vec![field; 100], trouble: None };
        let told = parts(vec![part; 5000]);
        assert!(more);
        let setting = BiosSetting { name: long(), value: long(), pending: Some(long()) };
        let drive = BmcDrive { id: long(), name: long(), model: long(), serial: long(), lit: None };
        let firmware = BmcFirmware { id: long(), name: long(), version: long(), updateable: true };
        let medium = BmcMedium { id: long(), name: long(), kinds: vec![long(); 50], image: Some(long()) };
        for asked in [
            ServerAnswer::Bios(vec![setting; SETTINGS + 1]),
            ServerAnswer::Drives(vec![drive; PARTS + 1]),
            ServerAnswer::Firmware(vec![firmware; PARTS + 1]),
            ServerAnswer::Media(vec![medium; SLOTS + 1]),
        ] {
            let length = frame::encode(&answer(asked)).unwrap_or_else(|error| panic!("{error}")).len();
            assert!(length < FRAME_MAX, "{length}");
        }
        let log = ServerLog { events, overflowed: true, full: None };
        let redfish = FoundRedfish { version: long(), vendor: long(), product: long(), uuid: Some(Uuid::max()) };
        let bmc = FoundBmc {
            address: Ipv6Addr::from_bits(u128::MAX).into(),
            ipmi: true,
            manufacturer: Some(u32::MAX),
            redfish: Some(redfish),
        };
        let scan = vec![found(bmc); FOUND_MAX];
        for (what, frame) in [
            ("sensors", frame::encode(&status)),
            ("events", frame::encode(&log)),
            ("parts", frame::encode(&told)),
            ("scan", frame::encode(&scan)),
        ] {
            let length = frame.unwrap_or_else(|error| panic!("{what}: {error}")).len();
            assert!(length < FRAME_MAX, "{what}: {length}");
        }
    }
}
