use super::*;
use proptest::prelude::*;

const HELLO: &[u8] = b"RFB 003.008\n\x01\x00";

fn key(down: bool, keysym: u32) -> Vec<u8> {
    let [a, b, c, d] = keysym.to_be_bytes();
    vec![KEY, u8::from(down), 0, 0, a, b, c, d]
}

fn qemu_key(down: bool, code: u8) -> Vec<u8> {
    vec![QEMU, QEMU_KEY, 0, u8::from(down), 0, 0, 0, 0, 0, 0, 0, code]
}

fn pointer(buttons: u8, x: u8) -> Vec<u8> {
    vec![POINTER, buttons, 0, x, 0, 7]
}

fn encodings(list: &[i32]) -> Vec<u8> {
    let mut message = vec![SET_ENCODINGS, 0];
    message.extend((list.len() as u16).to_be_bytes());
    message.extend(list.iter().flat_map(|encoding| encoding.to_be_bytes()));
    message
}

fn text(length: i32) -> Vec<u8> {
    let mut message = vec![CUT_TEXT, 0, 0, 0];
    message.extend(length.to_be_bytes());
    message.extend(vec![b'x'; length.unsigned_abs() as usize]);
    message
}

/// What passes of these bytes, given at once.
fn passed(bytes: &[u8], input: bool) -> Result<Vec<u8>, RfbError> {
    let mut out = Vec::new();
    ClientStream::default().feed(bytes, input, &mut out).map(|()| out)
}

fn greeted() -> ClientStream {
    let mut stream = ClientStream::default();
    stream.feed(HELLO, false, &mut Vec::new()).unwrap();
    stream
}

#[test]
fn a_viewer_is_always_a_shared_one() {
    assert_eq!(passed(HELLO, true).unwrap(), b"RFB 003.008\n\x01\x01");
}

#[test]
fn what_was_not_offered_ends_the_connection() {
    assert_eq!(passed(b"RFB 003.003\n", true), Err(RfbError::Version));
    assert_eq!(passed(b"GET / HTTP/1", true), Err(RfbError::Version));
    assert_eq!(passed(b"RFB 003.008\n\x02", true), Err(RfbError::Security(2)));
    let after = |message: &[u8]| greeted().feed(message, true, &mut Vec::new());
    for kind in [1, 7, 150, 248, 250, 251] {
        assert_eq!(after(&[kind]), Err(RfbError::Unknown(kind)));
    }
    assert_eq!(after(&[QEMU, 1]), Err(RfbError::Unknown(QEMU)), "audio");
    assert_eq!(after(&[SET_ENCODINGS, 0, 0xff, 0xff]), Err(RfbError::Encodings(65535)));
    assert_eq!(after(&[CUT_TEXT, 0, 0, 0, 0x80, 0, 0, 0]), Err(RfbError::Text(1 << 31)));
}

#[test]
fn encodings_that_bring_unknown_messages_are_not_asked_for() {
    let mut out = Vec::new();
    greeted().feed(&encodings(&[7, -308, 0, -309, -312, -313, -258, -316, -259]), false, &mut out).unwrap();
    assert_eq!(out, encodings(&[7, 0, -258]));
}

#[test]
fn who_loses_control_leaves_nothing_pressed() {
    let (mut stream, mut out) = (greeted(), Vec::new());
    for message in [key(true, 0xffe3), qemu_key(true, 0x38), key(true, 97), key(false, 97), pointer(1, 20)] {
        stream.feed(&message, true, &mut out).unwrap();
    }
    out.clear();
    stream.let_go(&mut out);
    assert_eq!(out, [key(false, 0xffe3), qemu_key(false, 0x38), pointer(0, 20)].concat());
    out.clear();
    stream.let_go(&mut out);
    assert!(out.is_empty());
}

#[test]
fn nobody_has_so_many_fingers() {
    let (mut stream, mut out) = (greeted(), Vec::new());
    for keysym in 0..1000 {
        stream.feed(&key(true, keysym), true, &mut out).unwrap();
    }
    assert_eq!(out.len(), KEYS_MAX * 8);
    // A key that is down may be said to be down again, and every key can be let go.
    stream.feed(&key(true, 5), true, &mut out).unwrap();
    stream.feed(&key(false, 5), true, &mut out).unwrap();
    assert_eq!(out.len(), (KEYS_MAX + 2) * 8);
}

#[derive(Clone, Debug)]
enum Step {
    Message(Vec<u8>),
    Control(bool),
}

fn any_step() -> impl Strategy<Value = Step> {
    let message = prop_oneof![
        Just([&[SET_PIXEL_FORMAT][..], &[0; 19]].concat()),
        Just([&[UPDATE_REQUEST, 1][..], &[0; 8]].concat()),
        (any::<bool>(), 0..40u32).prop_map(|(down, keysym)| key(down, keysym)),
        (any::<bool>(), 0..40u8).prop_map(|(down, code)| qemu_key(down, code)),
        (any::<u8>(), any::<u8>()).prop_map(|(buttons, x)| pointer(buttons, x)),
        prop::collection::vec(any::<i32>(), 0..ENCODINGS_MAX).prop_map(|list| encodings(&list)),
        (-3000..3000i32).prop_map(text),
    ];
    prop_oneof![8 => message.prop_map(Step::Message), 1 => any::<bool>().prop_map(Step::Control)]
}

proptest! {
    /// Whoever is not in control sends no key and no pointer, in whatever pieces; whoever is sends all of them; and at the end
    /// the guest has nothing pressed.
    #[test]
    fn input_passes_for_whoever_is_in_control(steps in prop::collection::vec(any_step(), 0..60), piece in 1..50usize) {
        let (mut stream, mut out, mut expected, mut input) = (greeted(), Vec::new(), Vec::new(), false);
        let (mut model, mut buttons): (Vec<Vec<u8>>, u8) = (Vec::new(), 0);
        for step in steps {
            match step {
                Step::Control(now) => {
                    input = now;
                    if !now {
                        out.clear();
                        stream.let_go(&mut out);
                        let released = model.iter().map(Vec::len).sum::<usize>() + if buttons == 0 { 0 } else { 6 };
                        prop_assert_eq!(out.len(), released);
                        prop_assert!(model.iter().all(|up| out.windows(up.len()).any(|part| part == up)));
                        (model, buttons) = (Vec::new(), 0);
                        out.clear();
                        expected.clear();
                    }
                }
                Step::Message(message) => {
                    for piece in message.chunks(piece) {
                        stream.feed(piece, input, &mut out).unwrap();
                        prop_assert!(stream.held() <= HELD_MAX);
                    }
                    match message[0] {
                        CUT_TEXT => {}
                        SET_ENCODINGS => known_encodings(&message, &mut expected),
                        KEY | QEMU if input => {
                            let at = if message[0] == KEY { 1 } else { 3 };
                            let mut up = message.clone();
                            up[at] = 0;
                            let down = message[at] == 1;
                            if down && !model.contains(&up) {
                                if model.len() == KEYS_MAX { continue }
                                model.push(up);
                            } else if !down {
                                model.retain(|key| *key != up);
                            }
                            expected.extend(&message);
                        }
                        POINTER | KEY | QEMU if !input => {}
                        POINTER => {
                            buttons = message[1];
                            expected.extend(&message);
                        }
                        _ => expected.extend(&message),
                    }
                }
            }
            prop_assert_eq!(&out, &expected);
        }
    }

    /// No bytes break it, and pieces do not matter.
    #[test]
    fn any_bytes_in_any_pieces(bytes in prop::collection::vec(any::<u8>(), 0..400), piece in 1..40usize, input: bool) {
        let bytes = [HELLO, &bytes].concat();
        let (mut stream, mut out) = (ClientStream::default(), Vec::new());
        let result = bytes.chunks(piece).try_for_each(|piece| stream.feed(piece, input, &mut out));
        prop_assert!(stream.held() <= HELD_MAX);
        let mut whole = Vec::new();
        prop_assert_eq!(ClientStream::default().feed(&bytes, input, &mut whole), result);
        prop_assert_eq!(out, whole);
    }
}
