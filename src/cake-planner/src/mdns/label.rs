//! What this machine is called on its network: from its serial number, or from what tells it from others where it has none.

use cake_types::Problem;

/// Longest label of a DNS name.
pub const LABEL_MAX: usize = 63;
const PREFIX: &str = "cake-";
/// So much of a card's address or of the machine's id is enough to tell machines of an office apart.
const SHORT: usize = 6;
/// What makers write where a serial number should be, folded as [`plain`] does.
const NOTHING: [&str; 17] = [
    "to-be-filled-by-o-e-m",
    "to-be-filled-by-oem",
    "default-string",
    "system-serial-number",
    "base-board-serial-number",
    "chassis-serial-number",
    "serial-number",
    "not-specified",
    "not-applicable",
    "not-available",
    "unknown",
    "invalid",
    "none",
    "null",
    "n-a",
    "oem",
    "empty",
];

/// What can tell a machine from others, as the kernel says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// DMI: of the whole machine, of its main board.
    pub product_serial: Option<String>,
    pub board_serial: Option<String>,
    /// Addresses of physical network cards.
    pub cards: Vec<[u8; 6]>,
    /// Of the operating system, hexadecimal.
    pub machine_id: Option<String>,
}

/// The label for `cake-….local`; `None` where nothing tells the machine from others.
pub fn label(identity: &Identity) -> Option<String> {
    let Identity { product_serial, board_serial, cards, machine_id } = identity;
    let serial = [product_serial, board_serial].into_iter().flatten().find_map(|text| serial(text));
    // The lowest, so that it does not matter in which order the cards were found.
    let card = || cards.iter().filter(|card| card.iter().any(|byte| *byte != 0)).min().map(hexadecimal);
    let machine = || machine_id.as_deref().map(plain).filter(|id| id.len() >= SHORT && !is_dull(id));
    let last = |text: String| text[text.len() - SHORT..].to_owned();
    let part = serial.or_else(|| card().or_else(machine).map(last))?;
    let room = LABEL_MAX - PREFIX.len();
    Some(format!("{PREFIX}{}", part[..part.len().min(room)].trim_end_matches('-')))
}

fn hexadecimal(card: &[u8; 6]) -> String {
    card.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A serial number fit for a label; `None` for what is none.
fn serial(text: &str) -> Option<String> {
    let plain = plain(text);
    let real = plain.len() >= 2 && !NOTHING.contains(&&*plain) && !is_dull(&plain);
    real.then_some(plain)
}

/// Lower case, and a dash for everything that a DNS label can't have.
fn plain(text: &str) -> String {
    let folded = text.trim().chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' });
    let mut plain = String::new();
    for c in folded {
        if c != '-' || !plain.ends_with('-') {
            plain.push(c);
        }
    }
    plain.trim_matches('-').to_owned()
}

/// One character again and again, or counting from it: nobody's serial number.
fn is_dull(text: &str) -> bool {
    let bytes: Vec<u8> = text.bytes().filter(|byte| *byte != b'-').collect();
    let all_alike = bytes.windows(2).all(|pair| pair[0] == pair[1]);
    let counting = bytes.len() >= 4
        && bytes.iter().all(u8::is_ascii_digit)
        && bytes.windows(2).all(|pair| pair[1] == pair[0] + 1 || (pair[0], pair[1]) == (b'9', b'0'));
    all_alike || counting
}

/// The label with a number where others have it: `cake-7`, `cake-7-2`, `cake-7-3`.
pub fn numbered(label: &str, number: u32) -> String {
    if number <= 1 {
        return label.to_owned();
    }
    let end = format!("-{number}");
    let room = LABEL_MAX - end.len();
    format!("{}{end}", label[..label.len().min(room)].trim_end_matches('-'))
}

/// A name that somebody asks for: with or without `.local`. Nothing: the machine's own again.
pub fn asked(text: &str, pointer: &str) -> Result<Option<String>, Problem> {
    let folded = text.trim().trim_end_matches('.').to_ascii_lowercase();
    let label = folded.strip_suffix(".local").unwrap_or(&folded);
    if folded.is_empty() {
        return Ok(None);
    }
    let plain = label.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
    let edges = label.starts_with('-') || label.ends_with('-');
    if label.is_empty() || label.len() > LABEL_MAX || !plain || edges || label == "localhost" {
        return Err(Problem::invalid("local_name", "local-name").at(pointer));
    }
    Ok(Some(label.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(product: &str, board: &str) -> Identity {
        let text = |text: &str| Some(text.to_owned());
        Identity {
            product_serial: text(product),
            board_serial: text(board),
            cards: vec![[0x52, 0x54, 0, 0xab, 0xcd, 0xef], [0x52, 0x54, 0, 0x12, 0x34, 0x56], [0; 6]],
            machine_id: text("0123456789abcdef0123456789fedcba"),
        }
    }

    #[test]
    fn a_serial_number_becomes_a_label() {
        for (serial, label) in [
            ("CN7016-42A", "cake-cn7016-42a"),
            ("  7XK.Q2 / B_9 \n", "cake-7xk-q2-b-9"),
            ("..A1--", "cake-a1"),
            ("42", "cake-42"),
            ("S/N 序號 12", "cake-s-n-12"),
        ] {
            assert_eq!(super::label(&of(serial, "")).as_deref(), Some(label), "{serial:?}");
        }
        let long = super::label(&of(&format!("{}a-{}", "a1".repeat(28), "b".repeat(20)), "")).unwrap();
        assert_eq!(long.len(), LABEL_MAX - 1, "no dash at the end: {long}");
        assert!(!long.ends_with('-'));
    }

    #[test]
    fn what_makers_write_instead_of_a_number_is_none() {
        let nothing = [
            "",
            " ",
            "To Be Filled By O.E.M.",
            "To be filled by O.E.M",
            "Default string",
            "System Serial Number",
            "0123456789",
            "123456789",
            "1234567890",
            "None",
            "N/A",
            "Not Specified",
            "0",
            "00000000",
            "0000-0000-0000",
            "xxxxxxxx",
            "x",
            "..........",
            "\0\0",
            "序號",
        ];
        for none in nothing {
            assert_eq!(label(&of(none, "BB-77")).as_deref(), Some("cake-bb-77"), "{none:?}");
            // The lower of the cards, whichever was found first.
            assert_eq!(label(&of(none, none)).as_deref(), Some("cake-123456"), "{none:?}");
        }
        let no_card = Identity { cards: vec![[0; 6]], ..of("", "") };
        assert_eq!(label(&no_card).as_deref(), Some("cake-fedcba"));
        for machine_id in [None, Some("000000000000"), Some("ab")] {
            let machine_id = machine_id.map(str::to_owned);
            assert_eq!(label(&Identity { machine_id, ..Identity::default() }), None);
        }
    }

    #[test]
    fn a_name_that_others_have_gets_a_number() {
        assert_eq!(numbered("cake-7", 1), "cake-7");
        assert_eq!(numbered("cake-7", 2), "cake-7-2");
        let long = numbered(&"a".repeat(LABEL_MAX), 4_000_000_000);
        assert_eq!((long.len(), long.ends_with("aaa-4000000000")), (LABEL_MAX, true));
        assert_eq!(numbered(&format!("{}-aa", "a".repeat(60)), 2), format!("{}-2", "a".repeat(60)));
    }

    #[test]
    fn a_name_is_a_label_or_refused() {
        for (text, taken) in [
            ("Rack-A", Some("rack-a")),
            (" rack-a.LOCAL. ", Some("rack-a")),
            ("7", Some("7")),
            ("", None),
            ("  ", None),
        ] {
            assert_eq!(asked(text, "/local_name").unwrap().as_deref(), taken, "{text:?}");
        }
        let long = "a".repeat(LABEL_MAX + 1);
        for bad in [".local", "-a", "a-", "a.b", "a.local.local", "a_b", "a b", "機櫃", "localhost", "a\0", &*long] {
            let problem = asked(bad, "/local_name").unwrap_err();
            assert_eq!(problem.params["reason"], "local-name", "{bad:?}");
        }
    }
}
