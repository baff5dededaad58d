//! A server with sensors of every kind, as lines for ipmi_sim.

use std::fmt::Write;

/// How ipmi_sim and a sensor record see a sensor with a value.
#[derive(Clone)]
pub struct Analog {
    pub name: String,
    pub kind: u8,
    /// 0 unsigned, 1 one's, 2 two's complement.
    pub format: u8,
    /// Flags beneath the format, base, modifier (table 43-1, bytes 21 to 23).
    pub unit: [u8; 3],
    pub linearisation: u8,
    pub m: i16,
    pub b: i16,
    pub b_exponent: i8,
    pub exponent: i8,
    pub raw: u8,
    /// LNC, LC, LNR, UNC, UC, UNR.
    pub thresholds: Option<[u8; 6]>,
}

pub struct Discrete {
    pub name: String,
    pub kind: u8,
    pub class: u8,
    pub states: u16,
}

const PLAIN: Analog = Analog {
    name: String::new(),
    kind: 0x0b,
    format: 0,
    unit: [0, 0, 0],
    linearisation: 0,
    m: 1,
    b: 0,
    b_exponent: 0,
    exponent: 0,
    raw: 50,
    thresholds: None,
};

/// Every unit that matters, every format and formula, signs of everything, and every state.
pub fn analog() -> Vec<Analog> {
    let mut all = Vec::new();
    for (unit, kind) in [
        (1, 1),
        (2, 1),
        (3, 1),
        (4, 2),
        (5, 3),
        (6, 0x0b),
        (7, 0x0b),
        (9, 0x0b),
        (14, 0x0b),
        (17, 4),
        (18, 4),
        (19, 0x0b),
    ]
    .into_iter()
    .chain([20, 21, 22, 23, 24, 25, 60, 80, 88].map(|unit| (unit, 0x0b)))
    {
        all.push(Analog { name: format!("unit {unit}"), kind, unit: [0, unit, 0], raw: 30 + unit, ..PLAIN });
    }
    all.push(Analog { name: "per cent".into(), unit: [1, 0, 0], raw: 77, ..PLAIN });
    all.push(Analog { name: "energy".into(), unit: [2 << 1, 6, 24], raw: 200, ..PLAIN });
    for linearisation in 0..12 {
        let name = format!("formula {linearisation}");
        all.push(Analog { name, unit: [0, 1, 0], linearisation, m: 2, b: 3, exponent: -1, raw: 47, ..PLAIN });
    }
    for (format, raw) in [(0, 250), (1, 250), (1, 100), (2, 250), (2, 100), (1, 255), (2, 128)] {
        all.push(Analog { name: format!("format {format} {raw}"), unit: [0, 1, 0], format, raw, ..PLAIN });
    }
    for (m, b, b_exponent, exponent) in [
        (-2, 100, 0, 0),
        (511, -512, 0, -3),
        (-512, 511, 1, -2),
        (165, 0, 0, -4),
        (100, 0, 0, 0),
        (7, -5, 3, -3),
        (3, 7, -2, 1),
    ] {
        let name = format!("m {m} {b} {b_exponent} {exponent}");
        all.push(Analog { name, unit: [0, 4, 0], kind: 2, m, b, b_exponent, exponent, raw: 201, ..PLAIN });
    }
    for (state, raw) in [("ok", 100), ("lnc", 40), ("lcr", 30), ("lnr", 20), ("unc", 160), ("ucr", 170), ("unr", 180)] {
        let thresholds = Some([40, 30, 20, 160, 170, 180]);
        all.push(Analog { name: format!("state {state}"), unit: [0, 1, 0], kind: 1, b: -20, raw, thresholds, ..PLAIN });
    }
    all
}

/// Every type of sensor that has offsets of its own, and every generic class.
pub fn discrete() -> Vec<Discrete> {
    let mut all = Vec::new();
    for (kind, states) in [
        (0x05, 0x0001),
        (0x06, 0x0020),
        (0x07, 0x0080),
        (0x08, 0x0003),
        (0x09, 0x0011),
        (0x0c, 0x0041),
        (0x0d, 0x0105),
        (0x0f, 0x0004),
        (0x10, 0x0030),
        (0x12, 0x0020),
        (0x13, 0x0830),
        (0x14, 0x0001),
        (0x19, 0x0002),
        (0x1b, 0x0001),
        (0x1d, 0x0001),
        (0x1e, 0x0002),
        (0x1f, 0x0400),
        (0x20, 0x0008),
        (0x21, 0x0204),
        (0x22, 0x0001),
        (0x25, 0x0001),
        (0x27, 0x0002),
        (0x28, 0x0010),
        (0x29, 0x0004),
        (0x2a, 0x0002),
        (0x2b, 0x0082),
        (0x2c, 0x0010),
    ] {
        all.push(Discrete { name: format!("type {kind:02x}"), kind, class: 0x6f, states });
    }
    for (class, states) in
        [(2, 2), (3, 2), (4, 1), (5, 2), (6, 1), (7, 0x104), (8, 2), (9, 2), (10, 0x40), (11, 1), (12, 8)]
    {
        all.push(Discrete { name: format!("class {class:02x}"), kind: 0x08, class, states });
    }
    all
}

/// Numbers of the sensors that are of no kind above.
pub const NOT_SCANNED: u8 = 0xe0;
pub const NOT_THERE: u8 = 0xe1;
pub const ZERO: u8 = 0xe2;
pub const SHARED: u8 = 0xe4;
pub const EVENT_ONLY: u8 = 0xe8;
pub const FIRST_DISCRETE: u8 = 0x80;

/// A header with a length that fits; the simulator gives the number.
pub fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[0, 0, 0x51, kind, body.len() as u8], body].concat()
}

fn named(mut body: Vec<u8>, name: &str) -> Vec<u8> {
    body.push(0xc0 | name.len() as u8);
    body.extend(name.bytes());
    body
}

fn full(number: u8, of: &Analog) -> Vec<u8> {
    let access = if of.thresholds.is_some() { 0x68 } else { 0x40 };
    let mut body = vec![0x20, 0, number, 7, 1, 0x7f, access, of.kind, 0x01];
    body.extend([0, 0, 0, 0, if of.thresholds.is_some() { 0x3f } else { 0 }, 0]);
    body.push(of.format << 6 | of.unit[0]);
    body.extend([of.unit[1], of.unit[2], of.linearisation]);
    let ten = |value: i16| [value.to_le_bytes()[0], value.to_le_bytes()[1] << 6];
    body.extend(ten(of.m));
    body.extend(ten(of.b));
    body.extend([0, (of.exponent as u8) << 4 | of.b_exponent as u8 & 0xf]);
    body.extend([0, 0, 0, 0, 255, 0]);
    let mut thresholds = of.thresholds.unwrap_or_default();
    thresholds.reverse();
    body.extend(thresholds);
    body.extend([0, 0, 0, 0, 0]);
    record(0x01, &named(body, &of.name))
}

fn compact(number: u8, of: &Discrete, sharing: [u8; 2]) -> Vec<u8> {
    let mut body = vec![0x20, 0, number, 7, 1, 0x67, 0x40, of.kind, of.class];
    body.extend([0xff, 0x7f, 0xff, 0x7f, 0xff, 0x7f, 0xc0, 0, 0]);
    body.extend(sharing);
    body.extend([0; 6]);
    record(0x02, &named(body, &of.name))
}

fn bits(value: u16) -> String {
    format!("{value:015b}")
}

fn add_record(lines: &mut String, record: &[u8]) {
    let bytes: Vec<_> = record.iter().map(|byte| format!("0x{byte:02x}")).collect();
    let _ = writeln!(lines, "main_sdr_add 0x20 {}", bytes.join(" "));
}

/// Makes a sensor that answers; which events it sends, and whether somebody scans it.
fn add_sensor(lines: &mut String, number: u8, (kind, class): (u8, u8), events: u16, scanning: &str) {
    let _ = writeln!(lines, "sensor_add 0x20 0 {number} {kind} {class}");
    let events = bits(events);
    let _ = writeln!(
        lines,
        "sensor_set_event_support 0x20 0 {number} enable {scanning} per-state {events} {events} {events} {events}"
    );
}

fn add_discrete(lines: &mut String, number: u8, of: &Discrete) {
    add_sensor(lines, number, (of.kind, of.class), 0x7fff, "scanning");
    let _ = writeln!(lines, "sensor_set_value 0x20 0 {number} 0 0");
    for bit in (0..15).filter(|bit| of.states & 1 << bit != 0) {
        let _ = writeln!(lines, "sensor_set_bit 0x20 0 {number} {bit} 1 1");
    }
}

/// The commands that make all this. Sensors that pass a threshold or say something write it into the event log.
pub fn commands() -> String {
    let mut lines = String::new();
    for (number, of) in (1..).zip(analog()) {
        add_record(&mut lines, &full(number, &of));
        add_sensor(&mut lines, number, (of.kind, 1), 0xfff, "scanning");
        if let Some([lnc, lc, lnr, unc, uc, unr]) = of.thresholds {
            let _ = writeln!(
                lines,
                "sensor_set_threshold 0x20 0 {number} settable 111111 {unr} {uc} {unc} {lnr} {lc} {lnc}"
            );
            let _ = writeln!(lines, "sensor_set_hysteresis 0x20 0 {number} settable 2 2");
        }
        let _ = writeln!(lines, "sensor_set_value 0x20 0 {number} {} 1", of.raw);
    }
    for (number, of) in (FIRST_DISCRETE..).zip(discrete()) {
        add_record(&mut lines, &compact(number, &of, [0, 0]));
        add_discrete(&mut lines, number, &of);
    }
    add_record(
        &mut lines,
        &full(NOT_SCANNED, &Analog { name: "not scanned".into(), kind: 1, unit: [0, 1, 0], ..PLAIN }),
    );
    add_sensor(&mut lines, NOT_SCANNED, (1, 1), 0xfff, "no-scanning");
    let _ = writeln!(lines, "sensor_set_value 0x20 0 {NOT_SCANNED} 9 0");
    add_record(&mut lines, &full(NOT_THERE, &Analog { name: "not there".into(), kind: 1, unit: [0, 1, 0], ..PLAIN }));
    add_record(&mut lines, &full(ZERO, &Analog { name: "zero".into(), kind: 1, unit: [0, 1, 0], ..PLAIN }));
    add_sensor(&mut lines, ZERO, (1, 1), 0xfff, "scanning");
    let _ = writeln!(lines, "sensor_set_value 0x20 0 {ZERO} 0 0");
    let bank = Discrete { name: "bank".into(), kind: 0x0c, class: 0x6f, states: 0x40 };
    add_record(&mut lines, &compact(SHARED, &bank, [0x03, 0x81]));
    for number in SHARED..SHARED + 3 {
        add_discrete(&mut lines, number, &bank);
    }
    let mut watchdog = vec![0x20, 0, EVENT_ONLY, 7, 1, 0x23, 0x6f, 0x01, 0, 0, 0];
    watchdog = named(watchdog, "watchdog");
    add_record(&mut lines, &record(0x03, &watchdog));
    lines
}

/// Appends what makes the sum of all bytes zero.
fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.push(bytes.iter().fold(0u8, |sum, byte| sum.wrapping_sub(*byte)));
    bytes
}

fn area(fields: &[u8]) -> Vec<u8> {
    let units = (fields.len() + 3).div_ceil(8);
    let mut bytes = vec![1, units as u8];
    bytes.extend(fields);
    bytes.resize(units * 8 - 1, 0);
    summed(bytes)
}

/// A name plate with all three areas, in every packing that ipmitool knows.
pub fn plate() -> Vec<u8> {
    let text = |text: &str| [&[0xc0 | text.len() as u8], text.as_bytes()].concat();
    let chassis = area(&[&[23][..], &text("CH-1042"), &text("S0123456789"), &text("rack 4"), &[0xc1]].concat());
    // 6 bits a letter: IPMI; BCD plus: 12-34.
    let board = [&[0, 0x20, 0x4e, 0xbd][..], &text("Quanta"), &[0x83, 0x29, 0xdc, 0xa6], &[0x43, 0x12, 0xb3, 0x4a]];
    let board = area(
        &[&board.concat()[..], &text("PN-7"), &text("fru.xml"), &text("first extra"), &text("second"), &[0xc1]]
            .concat(),
    );
    let product = ["Acme Servers", "Rack One", "R1-A", "v2", "SER-99", "asset 7", "file", "last"].map(text).concat();
    let product = area(&[&[25][..], &product, &[0xc1]].concat());
    let at = |before: &[&[u8]]| (1 + before.iter().map(|of| of.len() / 8).sum::<usize>()) as u8;
    let header = summed(vec![1, 0, 1, at(&[&chassis]), at(&[&chassis, &board]), 0, 0]);
    [header, chassis, board, product].concat()
}

/// A plate for the BMC itself and one for a power supply, of which the latter's sum is broken.
pub fn plates() -> String {
    let mut lines = String::new();
    let mut broken = plate();
    broken[12] ^= 0x20;
    for (device, bytes) in [(0, plate()), (3, broken)] {
        let bytes: Vec<_> = bytes.iter().map(|byte| format!("0x{byte:02x}")).collect();
        let _ = writeln!(lines, "mc_add_fru_data 0x20 {device} 1024 data {}", bytes.join(" "));
    }
    let locator = named(vec![0x20, 3, 0x80, 0, 0, 0x10, 0, 10, 2, 0], "PSU 2");
    add_record(&mut lines, &record(0x11, &locator));
    lines
}
